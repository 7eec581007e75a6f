"""Looking, declaring and deleting on a real broker."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.management import ManagementBroker
from proca_topo.sandbox.node import PASSWORD, USERNAME
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy, Queue
from tests.broker.nouns import silent
from tests.broker.raw import Raw
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.brokers.leaders import resume, suspend

pytestmark = pytest.mark.broker

E = Exchange(name="e", type="topic")


@contextmanager
def _channel(broker_urls: TestBroker, vhost: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(broker_urls.amqp_url + vhost))
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel
    finally:
        connection.close()


def test_a_look_is_immediate(management: ManagementBroker, vhost: str, broker_urls: TestBroker) -> None:
    """RabbitMQ's statistics are seconds late. A look is not: what was just done is in it."""
    management.declare(vhost, [Queue(name="q", type="classic"), Queue(name="other", type="classic")], silent)

    def look() -> Activity:
        return management.look(vhost, ["q"])["q"]

    with _channel(broker_urls, vhost) as channel:
        channel.basic_publish("", "q", b"1")
        assert look() == Activity(ready=1, unacknowledged=0, consumers=0)
        channel.basic_get("q")
        assert look() == Activity(ready=0, unacknowledged=1, consumers=0)
        channel.basic_consume("q", lambda *_: None)
        assert look() == Activity(ready=0, unacknowledged=1, consumers=1)
        channel.basic_publish("", "other", b"1")
        assert management.read(vhost).activity["other"].ready == 1
        assert management.look(vhost, ["other", "q", "gone"]).keys() == {"other", "q"}
    assert look() == Activity(ready=1, unacknowledged=0, consumers=0)


def test_a_look_at_a_quorum_queue_sees_what_waits_at_once(
    management: ManagementBroker, vhost: str, broker_urls: TestBroker
) -> None:
    """RabbitMQ's own API would say 0 for up to 5 s."""
    management.declare(vhost, [Queue(name="q", type="quorum")], silent)
    with _channel(broker_urls, vhost) as channel:
        channel.basic_publish("", "q", b"1")
        assert management.look(vhost, ["q"]) == {"q": Activity(ready=1, unacknowledged=0, consumers=0)}


def test_a_quorum_queue_that_does_not_answer_is_not_counted(node_factory: NodeFactory) -> None:
    """RabbitMQ says 0 messages and 0 consumers, which is not so."""
    node = node_factory()
    broker = ManagementBroker(
        address(node.management_url, amqp=node.amqp_url, username=USERNAME, password=PASSWORD)
    )
    broker.declare("/", [Queue(name=name, type="quorum") for name in ("q", "other")], silent)
    suspend(node, "/", "q")
    seen = broker.look("/", ["q", "other"])
    assert seen["q"] == Activity(ready=0, unacknowledged=0, consumers=None, counted=False)
    assert seen["other"] == Activity(ready=0, unacknowledged=0, consumers=0)
    resume(node, "/", "q")
    assert broker.look("/", ["q"])["q"] == seen["other"]
    broker.close()


def test_without_amqp_nobody_knows_the_consumers(
    where: BrokerAddress, vhost: str, broker_urls: TestBroker, deaf_port: int
) -> None:
    deaf = ManagementBroker(replace(where, amqp_url=f"amqp://guest:guest@127.0.0.1:{deaf_port}"))
    try:
        deaf.declare(vhost, [Queue(name="q", type="classic")], silent)
        with _channel(broker_urls, vhost) as channel:
            channel.basic_publish("", "q", b"1")
        assert deaf.look(vhost, ["q"]) == {"q": Activity(ready=1, unacknowledged=0, consumers=None)}
    finally:
        deaf.close()


def test_an_exclusive_queue_of_another_has_unknown_consumers(
    management: ManagementBroker, vhost: str, broker_urls: TestBroker
) -> None:
    with _channel(broker_urls, vhost) as channel:
        channel.queue_declare("locked", exclusive=True)
        assert management.look(vhost, ["locked"]) == {
            "locked": Activity(ready=0, unacknowledged=0, consumers=None)
        }


def test_many_are_declared_in_bulk(management: ManagementBroker, vhost: str) -> None:
    queues = [Queue(name=f"q{number} ü/%", type="classic") for number in range(60)]
    progress: list[int] = []
    assert management.declare(vhost, [E, *queues], progress.append) == []
    bindings = [Binding(source="e", destination=queue.name, routing_key="*.#") for queue in queues]
    policies = [
        Policy(name=f"p{number}", pattern="x", definition=Arguments.of({"max-length": 1})) for number in range(30)
    ]
    assert management.declare(vhost, [*bindings, *policies], progress.append) == []
    existing = management.read(vhost)
    assert existing.queues == {queue.name: queue for queue in queues}
    assert set(existing.bindings) == set(bindings)
    assert existing.policies == {policy.name: policy for policy in policies}
    assert sum(progress) == 1 + 60 + 60 + 30


def test_one_bad_object_in_many_has_its_own_reason(management: ManagementBroker, vhost: str) -> None:
    """An import that is refused says little and does half; declared one by one, the rest is there."""
    good = [Queue(name=f"q{number}", type="classic") for number in range(60)]
    bad: list[Noun] = [
        Queue(name="bad.ttl", type="classic", arguments=Arguments.of({"x-message-ttl": "soon"})),
        Queue(name="bad.type", type="no-such-type"),
        Queue(name="x" * 256, type="classic"),
        Exchange(name="bad.exchange", type="no-such-type"),
        Policy(name="bad.policy", pattern="(", definition=Arguments.of({"max-length": 1})),
    ]
    failures = management.declare(vhost, [*good[:30], *bad, *good[30:]], silent)
    reasons = {failure.noun: failure.reason for failure in failures}
    assert set(reasons) == set(bad)
    assert "x-message-ttl" in reasons[bad[0]]
    assert "no-such-type" in reasons[bad[1]]
    assert "255 bytes" in reasons[bad[2]]
    assert "unknown exchange type 'no-such-type'" in reasons[bad[3]]
    assert "invalid" in reasons[bad[4]]
    assert not any("\n" in reason for reason in reasons.values())
    assert management.read(vhost).queues == {queue.name: queue for queue in good}


def test_declaring_again_after_an_import_tells_what_it_skipped(management: ManagementBroker, vhost: str) -> None:
    """3.10 answers 204 to the import of a binding from nowhere. What is missing afterwards is asked for again."""
    queues = [Queue(name=f"q{number}", type="classic") for number in range(30)]
    assert management.declare(vhost, [E, *queues], silent) == []
    bindings = [Binding(source="e", destination=queue.name) for queue in queues]
    lost = Binding(source="nowhere", destination="q1")
    management.declare(vhost, [*bindings, lost], silent)
    missing = [binding for binding in [*bindings, lost] if binding not in management.read(vhost).bindings]
    assert missing == [lost]
    (failure,) = management.declare(vhost, missing, silent)
    assert "no exchange 'nowhere'" in failure.reason


def test_an_application_can_redeclare_what_we_declared(
    management: ManagementBroker, vhost: str, broker_urls: TestBroker
) -> None:
    """Also with types, which the application may or may not name."""
    arguments = {"x-message-ttl": 30000, "x-dead-letter-exchange": "e"}
    management.declare(
        vhost,
        [
            Queue(name="q", type="classic", arguments=Arguments.of(arguments)),
            Queue(name="quorum", type="quorum"),
            E,
        ],
        silent,
    )
    with _channel(broker_urls, vhost) as channel:
        channel.queue_declare("q", durable=True, arguments=arguments)
        channel.queue_declare("q", durable=True, arguments={**arguments, "x-queue-type": "classic"})
        channel.queue_declare("quorum", durable=True, arguments={"x-queue-type": "quorum"})
        channel.exchange_declare("e", "topic", durable=True)


def test_a_classic_queue_in_use_is_not_deleted(
    management: ManagementBroker, vhost: str, broker_urls: TestBroker, raw: Raw
) -> None:
    queues = {name: Queue(name=name, type="classic") for name in ("empty", "full", "used")}
    management.declare(vhost, list(queues.values()), silent)
    progress: list[int] = []
    with _channel(broker_urls, vhost) as channel:
        channel.basic_publish("", "full", b"1")
        channel.basic_consume("used", lambda *_: None)
        failures = management.delete(management.read(vhost), list(queues.values()), progress.append)
    reasons = {failure.noun.name: failure.reason for failure in failures}
    assert set(reasons) == {"full", "used"}
    assert "not empty" in reasons["full"]
    assert "in use" in reasons["used"]
    assert raw.names("queues") == {"full", "used"}
    assert progress == [1]


def test_an_exchange_that_something_is_bound_to_is_not_deleted(management: ManagementBroker, vhost: str) -> None:
    """Somebody may have bound a queue to it since it was looked at."""
    management.declare(vhost, [E, Queue(name="q")], silent)
    management.declare(vhost, [Binding(source="e", destination="q", routing_key="x")], silent)
    (failure,) = management.delete(management.read(vhost), [E], silent)
    assert failure.noun == E
    assert "in use" in failure.reason
    assert "e" in management.read(vhost).exchanges


@pytest.mark.parametrize("queue_type", ["quorum", "stream"])
def test_other_queues_are_deleted_whatever_is_in_them(
    management: ManagementBroker, vhost: str, broker_urls: TestBroker, queue_type: str
) -> None:
    """RabbitMQ cannot check these (it refuses the flags, or ignores them): whoever deletes has to look first."""
    queue = Queue(name="q", type=queue_type)
    management.declare(vhost, [queue], silent)
    with _channel(broker_urls, vhost) as channel:
        channel.basic_publish("", "q", b"1")
    assert management.delete(management.read(vhost), [queue], silent) == []
    assert management.read(vhost).queues == {}


def test_a_binding_is_deleted_also_where_its_keys_are_not_known(management: ManagementBroker, vhost: str) -> None:
    bindings = [
        Binding(source="e", destination="q", routing_key="a.*"),
        Binding(source="e", destination="q", routing_key="a ü"),
        Binding(source="e", destination="q", routing_key="x", arguments=Arguments.of({"n": 1})),
    ]
    management.declare(vhost, [E, Queue(name="q")], silent)
    management.declare(vhost, bindings, silent)
    unknowing = replace(management.read(vhost), bindings=dict.fromkeys(bindings, ()))
    assert management.delete(unknowing, bindings, silent) == []
    assert management.read(vhost).bindings == {}


def test_a_key_that_no_url_can_have_needs_amqp(
    where: BrokerAddress, management: ManagementBroker, vhost: str, deaf_port: int
) -> None:
    binding = Binding(source="e", destination="q", routing_key="..")
    management.declare(vhost, [E, Queue(name="q")], silent)
    management.declare(vhost, [binding], silent)
    deaf = ManagementBroker(replace(where, amqp_url=f"amqp://guest:hunter2@127.0.0.1:{deaf_port}"))
    try:
        (failure,) = deaf.delete(deaf.read(vhost), [binding], silent)
    finally:
        deaf.close()
    assert "can only be deleted over AMQP, and nothing listens at amqp://127.0.0.1:" in failure.reason
    assert "hunter2" not in failure.reason
    assert management.delete(management.read(vhost), [binding], silent) == []
    assert management.read(vhost).bindings == {}


def test_a_binding_that_only_amqp_can_name_may_have_any_number(management: ManagementBroker, vhost: str) -> None:
    """Of itself pika writes neither fractions nor whole numbers of more than 64 bits."""
    arguments = Arguments.of({"f": 1.5, "many": [{"f": -1e20}], "n": 2**63})
    binding = Binding(source="e", destination="q", routing_key="..", arguments=arguments)
    management.declare(vhost, [E, Queue(name="q")], silent)
    assert management.declare(vhost, [binding], silent) == []
    assert management.read(vhost).bindings.keys() == {binding}
    unknowing = replace(management.read(vhost), bindings={binding: ()})
    assert management.delete(unknowing, [binding], silent) == []
    assert management.read(vhost).bindings == {}


def test_two_brokers_can_be_used_at_the_same_time(
    where: BrokerAddress, management: ManagementBroker, vhost: str
) -> None:
    other = ManagementBroker(address(where.location, username=where.username, password=where.password))
    try:
        queue = Queue(name="q", type="classic")
        assert management.declare(vhost, [queue], silent) == []
        assert other.declare(vhost, [queue], silent) == []
        assert other.read(vhost) == management.read(vhost)
    finally:
        other.close()
