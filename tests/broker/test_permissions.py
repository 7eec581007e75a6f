"""A user who lacks a permission is told which, for what, and what gives it."""

from collections.abc import Callable, Iterator

import httpx
import pytest

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.management import ManagementBroker
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Scope
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Queue
from tests.broker.nouns import silent

pytestmark = pytest.mark.broker

E = Exchange(name="e", type="topic")
Q = Queue(name="q", type="classic")
BINDING = Binding(source="e", destination="q", routing_key="k")
ODD = Binding(source="e", destination="q", routing_key="..")  # goes over AMQP only
DEAD = Queue(name="d", type="classic", arguments=Arguments.of({"x-dead-letter-exchange": "e"}))
ALTERNATE = Exchange(name="a", type="topic", arguments=Arguments.of({"alternate-exchange": "e"}))
BOUND = Binding(source="e", destination="amq.topic", destination_type=DestinationType.EXCHANGE)

Limited = Callable[[str, str, str], ManagementBroker]


@pytest.fixture
def limited(where: BrokerAddress, http: httpx.Client, vhost: str) -> Iterator[Limited]:
    """A broker for a user named as the vhost, with these permissions in it."""
    made: list[ManagementBroker] = []

    def make(configure: str, write: str, read: str) -> ManagementBroker:
        http.put(f"/api/users/{vhost}", json={"password": "x", "tags": "management"}).raise_for_status()
        body = {"configure": configure, "write": write, "read": read}
        http.put(f"/api/permissions/{vhost}/{vhost}", json=body).raise_for_status()
        amqp = f"amqp://{where.amqp_location.removeprefix('amqp://')}"
        made.append(ManagementBroker(address(where.location, amqp=amqp, username=vhost, password="x")))
        return made[-1]

    yield make
    for broker in made:
        broker.close()
    http.delete(f"/api/users/{vhost}")


@pytest.mark.parametrize(
    ("noun", "needs"),
    [
        (Q, "the permission to configure 'q'"),
        (E, "the permission to configure 'e'"),
        (DEAD, "the permissions to configure and to read 'd' and to write to 'e'"),
        (ALTERNATE, "the permissions to configure and to read 'a' and to write to 'e'"),
        (BINDING, "the permissions to write to 'q' and to read from 'e'"),
        (BOUND, "the permissions to write to 'amq.topic' and to read from 'e'"),
    ],
)
def test_a_refused_declare(
    limited: Limited, management: ManagementBroker, vhost: str, noun: Noun, needs: str
) -> None:
    if noun not in {Q, E}:
        management.declare(vhost, [E, Q], silent)
    configure = ".*" if noun in {DEAD, ALTERNATE} else ""
    (failure,) = limited(configure, "", "").declare(vhost, [noun], silent)
    assert failure.reason == (
        f"access refused: the user {vhost!r} may not declare it. That takes {needs}: let an administrator"
        f" give that with `rabbitmqctl set_permissions -p {vhost} {vhost} CONFIGURE WRITE READ`, three regular"
        " expressions for names, or '.*' for all"
    )


def test_a_refused_delete(limited: Limited, management: ManagementBroker, vhost: str) -> None:
    management.declare(vhost, [E, Q, DEAD], silent)
    management.declare(vhost, [BINDING, ODD], silent)
    nouns: list[Noun] = [Q, DEAD, E, BINDING, ODD]
    failures = limited("", "", "").delete(management.read(vhost), nouns, silent)
    reasons = {failure.noun: failure.reason for failure in failures}
    assert f"the user {vhost!r} may not delete it. That takes the permission to configure 'q':" in reasons[Q]
    assert "the permission to configure 'd':" in reasons[DEAD]
    assert "the permission to configure 'e':" in reasons[E]
    for binding in (BINDING, ODD):
        assert "the permissions to write to 'q' and to read from 'e':" in reasons[binding]


def test_a_user_who_may_not_ask_for_nodes_reads_single_queues(
    limited: Limited, management: ManagementBroker, vhost: str
) -> None:
    """A queue that is not found is asked for in the nodes on RabbitMQ 3.x, which takes the tag monitoring."""
    management.declare(vhost, [Q], silent)
    scope = Scope(orgs=frozenset({"acme"}), queues=frozenset({"q", "absent"}))
    assert limited(".*", ".*", ".*").read(vhost, scope).queues == {"q": Q}
