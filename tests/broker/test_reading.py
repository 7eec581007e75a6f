"""Reading a real broker: all of it, and while it restarts."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

import httpx
import pika
import pytest

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.amqp.client import delete
from proca_topo.broker.http import client as http_module
from proca_topo.broker.management import ManagementBroker
from proca_topo.broker.wire import default_queue_type
from proca_topo.errors import AccessError, BrokerError
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Scope
from proca_topo.topology.nouns import Binding, Policy, Queue
from tests.broker.nouns import silent
from tests.broker.raw import Raw
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.brokers.written import write_down
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

_PATIENCE_SECONDS: Final = 300


@pytest.mark.parametrize(
    ("version", "entry", "expected"),
    [
        ("3.10.8", {"default_queue_type": "quorum"}, "classic"),
        ("3.11.0", {"default_queue_type": "quorum"}, "quorum"),
        ("4.0.5", {"default_queue_type": "stream"}, "stream"),
        ("4.3.6", {"default_queue_type": "undefined"}, "classic"),
        ("4.3.6", {}, "classic"),
        ("", {"default_queue_type": "quorum"}, "quorum"),  # in a file that does not say
    ],
)
def test_the_default_queue_type_counts_from_3_11_on(version: str, entry: dict[str, str], expected: str) -> None:
    assert default_queue_type(version, entry) == expected


def test_the_default_queue_type_in_force_is_the_one_read(
    management: ManagementBroker, http: httpx.Client, vhost: str, raw: Raw
) -> None:
    """What a declare without a type gets, on every version."""
    http.put(f"/api/vhosts/{vhost}", json={"default_queue_type": "quorum"}).raise_for_status()
    raw.put("queues", "q", durable=True)
    existing = management.read(vhost)
    assert existing.queues["q"] == Queue(name="q", type=existing.default_queue_type)
    management.create_vhost(vhost)
    assert management.read(vhost).default_queue_type == existing.default_queue_type
    classic = Queue(name="classic", type="classic")
    assert management.declare(vhost, [classic], silent) == []
    assert management.read(vhost).queues["classic"] == classic


def test_it_says_which_broker_it_is(management: ManagementBroker, vhost: str, broker_urls: TestBroker) -> None:
    broker = management.read(vhost).broker
    assert (broker.version, broker.location) == (broker_urls.version, broker_urls.management_url)
    assert broker.cluster_name


def test_what_is_not_ours_is_left_out(
    management: ManagementBroker, vhost: str, broker_urls: TestBroker, raw: Raw
) -> None:
    """Exclusive and server-named queues, and the default exchange's bindings."""
    raw.put("exchanges", "e", type="topic", durable=True)
    raw.put("queues", "q", durable=True)
    connection = pika.BlockingConnection(pika.URLParameters(broker_urls.amqp_url + vhost))
    channel = connection.channel()
    channel.queue_declare("exclusive", exclusive=True)
    channel.queue_bind("exclusive", "e", "x")
    server_named = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(server_named, "e", "y")
    existing = management.read(vhost)
    scoped = management.read(vhost, Scope(orgs=frozenset(), queues=frozenset({"exclusive", "q"})))
    connection.close()
    assert set(existing.queues) == set(existing.activity) == {"q"}
    # Somebody listens to the exchange: that much must be known.
    assert {binding.destination for binding in existing.bindings} == {"exclusive", server_named}
    assert existing.exclusive == {"exclusive", server_named}
    assert scoped.exclusive == {"exclusive"}
    assert set(scoped.queues) == set(scoped.activity) == {"q"}
    assert {binding.destination for binding in scoped.bindings} == {"exclusive"}


def test_bindings_that_look_alike_have_all_their_keys(
    management: ManagementBroker, vhost: str, broker_urls: TestBroker, raw: Raw
) -> None:
    """A 32 bit and a 64 bit integer make two bindings in RabbitMQ; deleting one of ours deletes both."""
    raw.put("exchanges", "h", type="headers", durable=True)
    raw.put("queues", "q", durable=True)
    raw.bind("h", "q", "k", {"n": 1})
    connection = pika.BlockingConnection(pika.URLParameters(broker_urls.amqp_url + vhost))
    connection.channel().queue_bind("q", "h", "k", {"n": 1})
    connection.close()
    binding = Binding(source="h", destination="q", routing_key="k", arguments=Arguments.of({"n": 1}))
    existing = management.read(vhost)
    assert list(existing.bindings) == [binding]
    assert len(existing.bindings[binding]) == 2
    assert management.delete(existing, [binding], silent) == []
    assert management.read(vhost).bindings == {}


def test_bindings_that_cannot_be_listed(
    management: ManagementBroker, vhost: str, where: BrokerAddress, broker_urls: TestBroker, raw: Raw
) -> None:
    """A tilde in the key, and arguments: RabbitMQ answers 500. It is never read as an empty list."""
    binding = Binding(source="e", destination="q", routing_key="a~b", arguments=Arguments.of({"x": "y"}))
    raw.put("exchanges", "e", type="topic", durable=True)
    raw.put("queues", "q", durable=True)
    (failure,) = management.declare(vhost, [binding], silent)
    assert "use another key" in failure.reason
    assert management.read(vhost).bindings == {}
    connection = pika.BlockingConnection(pika.URLParameters(broker_urls.amqp_url + vhost))
    connection.channel().queue_bind("q", "e", "a~b", {"x": "y"})
    connection.close()
    what = r"GET /exchanges/\S+/e/bindings/source with 500 .*'~'.*remove it over AMQP"
    with pytest.raises(BrokerError, match=what):
        management.read(vhost)
    assert delete(where, vhost, [binding]) == []
    assert management.read(vhost).bindings == {}


def test_a_user_who_is_no_administrator(
    http: httpx.Client, where: BrokerAddress, management: ManagementBroker, vhost: str
) -> None:
    """The tag `management` and permissions in the vhost are enough to read and to declare."""
    user = f"user-{vhost}"
    http.put(f"/api/users/{user}", json={"password": "secret", "tags": "management"}).raise_for_status()
    limited = ManagementBroker(address(where.location, amqp=where.amqp_url, username=user, password="secret"))
    try:
        for unseen in (vhost, f"no {vhost}"):
            quoted = unseen if unseen == vhost else f"'{unseen}'"
            with pytest.raises(AccessError) as refused:
                limited.read(unseen)
            assert str(refused.value) == (
                f"there is no vhost {unseen!r} on {where.location}, or the user {user!r} may not see it: an"
                f" administrator makes it with `rabbitmqctl add_vhost {quoted}` if it is absent, and lets the user"
                f" in with `rabbitmqctl set_permissions -p {quoted} {user} '.*' '.*' '.*'`"
            )
        http.put(
            f"/api/permissions/{vhost}/{user}", json={"configure": "^ours", "write": ".*", "read": ".*"}
        ).raise_for_status()
        # Importing definitions is for administrators: these go one by one.
        ours = [Queue(name=f"ours.{number}", type="classic") for number in range(30)]
        theirs = Queue(name="theirs", type="classic")
        policy = Policy(name="p", pattern="x", definition=Arguments.of({"max-length": 1}))
        failures = limited.declare(vhost, [*ours, theirs, policy], silent)
        assert {failure.noun for failure in failures} == {theirs, policy}
        assert "secret" not in str(failures)
        reasons = {failure.noun: failure.reason for failure in failures}
        assert f"give it to the user (`rabbitmqctl set_user_tags {user} policymaker`" in reasons[policy]
        assert limited.read(vhost).queues == management.read(vhost).queues == {queue.name: queue for queue in ours}
        with pytest.raises(AccessError, match="give the user the tag 'administrator'"):
            limited.create_vhost(f"{vhost}-new")
    finally:
        limited.close()
        http.delete(f"/api/users/{user}")


def test_a_new_vhost_is_ready_to_use(management: ManagementBroker, http: httpx.Client, vhost: str) -> None:
    new = f"{vhost} new/one"
    foreseen = management.new_vhost(new)
    management.create_vhost(new)
    try:
        assert management.read(new) == replace(foreseen, is_new=False)
        management.create_vhost(new)
        assert management.declare(new, [Queue(name="q", type="classic")], silent) == []
        assert set(management.read(new).queues) == {"q"}
    finally:
        http.delete(f"/api/vhosts/{vhost}%20new%2Fone").raise_for_status()


@dataclass(frozen=True, kw_only=True)
class _Restarting:
    """A node that was killed and is starting again, and a client that has asked it before."""

    broker: ManagementBroker
    url: str
    queues: dict[str, Queue]


@pytest.fixture
def restarting(node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Restarting]:
    # A busy machine takes longer to start it than the half minute that is waited otherwise.
    for tries in ("_RESTART_TRIES", "_UNAVAILABLE_TRIES", "_SERVER_ERROR_TRIES"):
        monkeypatch.setattr(http_module, tries, 60)
    node = node_factory()
    queues = [Queue(name="classic", type="classic"), Queue(name="quorum", type="quorum")]
    with closing(ManagementBroker(address(node.management_url, amqp=node.amqp_url))) as broker:
        assert broker.declare("/", queues, silent) == []
        write_down(node)
        node.kill()
        with ThreadPoolExecutor() as pool:
            restarted = pool.submit(node.restart)
            yield _Restarting(broker=broker, url=node.management_url, queues={q.name: q for q in queues})
            restarted.result()


def test_a_broker_that_restarts_is_waited_for(restarting: _Restarting) -> None:
    """Killed and started again between two requests: the reader hears nothing of it."""
    assert restarting.broker.read("/").queues == restarting.queues


def test_queues_that_a_broker_does_not_list_yet_are_there(restarting: _Restarting) -> None:
    """Asked as soon as it listens. RabbitMQ 4.x then lists no queue at all where it is to count messages, for half
    a second, and on a busy machine longer.
    """
    wait_until(lambda: _listens(restarting.url), "it listens", seconds=_PATIENCE_SECONDS, look_seconds=0.002)
    assert restarting.broker.read("/").queues == restarting.queues


def _listens(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True
