"""What a definitions file and a real broker must do alike."""

import pytest
from hypothesis import HealthCheck, given, settings

from proca_topo.errors import VhostMissingError
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Policy, Queue
from tests.broker import nouns
from tests.broker.conftest import Place
from tests.broker.nouns import silent

E = Exchange(name="e", type="topic")
F = Exchange(name="f", type="fanout", auto_delete=False, internal=True, arguments=Arguments.of({"x-a": 1}))
Q = Queue(name="q", type="classic", arguments=Arguments.of({"x-message-ttl": 5, "x-anything": "y"}))
QUORUM = Queue(name="quorum", type="quorum")
TO_Q = Binding(source="e", destination="q", routing_key="*.#")
TO_F = Binding(
    source="e", destination="f", destination_type=DestinationType.EXCHANGE, arguments=Arguments.of({"x": "y"})
)
P = Policy(name="p", pattern="^q", apply_to="queues", priority=3, definition=Arguments.of({"message-ttl": 30000}))


def _fill(place: Place) -> None:
    assert place.broker.declare(place.vhost, [E, F, Q, QUORUM], silent) == []
    assert place.broker.declare(place.vhost, [TO_Q, TO_F, P], silent) == []


def _clear(place: Place) -> None:
    """Take away what a failed example left behind, so that the next one fails for its own reasons only."""
    left = place.broker.read(place.vhost)
    exchanges = [exchange for exchange in left.exchanges.values() if not exchange.name.startswith("amq.")]
    place.broker.delete(left, list(left.bindings), silent)
    place.broker.delete(left, [*left.queues.values(), *exchanges, *left.policies.values()], silent)


def test_what_is_declared_is_there(place: Place) -> None:
    _fill(place)
    existing = place.broker.read(place.vhost)
    assert existing.queues == {"q": Q, "quorum": QUORUM}
    assert {name: exchange for name, exchange in existing.exchanges.items() if name in "ef"} == {"e": E, "f": F}
    assert set(existing.bindings) == {TO_Q, TO_F}
    assert existing.policies == {"p": P}
    assert existing.default_queue_type == "classic"


def test_every_vhost_has_the_predefined_exchanges(place: Place) -> None:
    existing = place.broker.read(place.vhost)
    assert existing.exchanges["amq.topic"] == Exchange(name="amq.topic", type="topic")
    assert existing.exchanges["amq.headers"] == Exchange(name="amq.headers", type="headers")
    assert existing.exchanges["amq.rabbitmq.trace"] == Exchange(
        name="amq.rabbitmq.trace", type="topic", internal=True
    )
    assert "" not in existing.exchanges
    assert place.broker.declare(place.vhost, [Q], silent) == []
    from_predefined = Binding(source="amq.topic", destination="q", routing_key="a")
    assert place.broker.declare(place.vhost, [from_predefined], silent) == []
    assert set(place.broker.read(place.vhost).bindings) == {from_predefined}


def test_declaring_again_is_no_failure(place: Place) -> None:
    _fill(place)
    _fill(place)


def test_a_queue_without_a_type_is_classic(place: Place) -> None:
    untyped = Queue(name="q")
    assert place.broker.declare(place.vhost, [untyped], silent) == []
    assert place.broker.read(place.vhost).queues == {"q": Queue(name="q", type="classic")}
    assert place.broker.declare(place.vhost, [untyped, Queue(name="q", type="classic")], silent) == []


def test_other_settings_are_a_failure_of_their_own(place: Place) -> None:
    """One object that cannot be declared does not keep the others from it."""
    _fill(place)
    progress: list[int] = []
    bad: list[Noun] = [
        Queue(name="q", type="classic", arguments=Arguments.of({"x-message-ttl": 6})),
        Exchange(name="e", type="fanout"),
    ]
    good = Queue(name="new", type="classic")
    failures = place.broker.declare(place.vhost, [*bad, good], progress.append)
    assert {failure.noun for failure in failures} == set(bad)
    assert all(failure.reason and "\n" not in failure.reason for failure in failures)
    assert sum(progress) == 1
    existing = place.broker.read(place.vhost)
    assert existing.queues == {"q": Q, "quorum": QUORUM, "new": good}


@pytest.mark.parametrize(
    "binding",
    [
        Binding(source="nowhere", destination="q"),
        Binding(source="e", destination="nothing"),
        Binding(source="e", destination="nothing", destination_type=DestinationType.EXCHANGE),
    ],
)
def test_a_binding_without_an_end_is_a_failure_that_says_so(place: Place, binding: Binding) -> None:
    _fill(place)
    (failure,) = place.broker.declare(place.vhost, [binding], silent)
    assert failure.noun == binding
    assert "no queue 'nothing'" in failure.reason or "no exchange '" in failure.reason


def test_a_policy_is_put_in_place_of_the_old_one(place: Place) -> None:
    _fill(place)
    other = Policy(name="p", pattern="^x", definition=Arguments.of({"max-length": 1}))
    assert place.broker.declare(place.vhost, [other], silent) == []
    assert place.broker.read(place.vhost).policies == {"p": other}


def test_what_is_deleted_is_gone_with_its_bindings(place: Place) -> None:
    _fill(place)
    progress: list[int] = []
    assert place.broker.delete(place.broker.read(place.vhost), [Q, P], progress.append) == []
    existing = place.broker.read(place.vhost)
    assert (set(existing.queues), set(existing.bindings), existing.policies) == ({"quorum"}, {TO_F}, {})
    assert place.broker.delete(existing, [TO_F], progress.append) == []
    assert place.broker.delete(existing, [E, QUORUM], progress.append) == []
    existing = place.broker.read(place.vhost)
    assert (existing.queues, existing.bindings) == ({}, {})
    assert "f" in existing.exchanges
    assert sum(progress) == 5


def test_an_exchange_that_something_is_bound_to_stays(place: Place) -> None:
    """Somebody may have bound a queue of theirs since the exchange was looked at."""
    _fill(place)
    existing = place.broker.read(place.vhost)
    progress: list[int] = []
    (failure,) = place.broker.delete(existing, [E], progress.append)
    assert (failure.noun, "in use" in failure.reason, sum(progress)) == (E, True, 0)
    assert place.broker.read(place.vhost) == existing
    # What it is bound to is no hindrance: nobody waits for its messages there.
    assert place.broker.delete(existing, [F], progress.append) == []
    assert set(place.broker.read(place.vhost).bindings) == {TO_Q}


def test_a_binding_is_deleted_alone(place: Place) -> None:
    _fill(place)
    assert place.broker.delete(place.broker.read(place.vhost), [TO_Q], silent) == []
    existing = place.broker.read(place.vhost)
    assert (set(existing.bindings), set(existing.queues)) == ({TO_F}, {"q", "quorum"})


def test_deleting_what_is_gone_is_no_failure(place: Place) -> None:
    _fill(place)
    before = place.broker.read(place.vhost)
    everything: list[Noun] = [*before.bindings, P, Q, QUORUM, E, F]
    assert place.broker.delete(before, [TO_Q, TO_F], silent) == []
    assert place.broker.delete(before, everything, silent) == []
    assert place.broker.delete(before, everything, silent) == []


def test_an_idle_queue_looks_idle_and_one_that_is_gone_is_left_out(place: Place) -> None:
    _fill(place)
    idle = Activity(ready=0, unacknowledged=0, consumers=0)
    assert place.broker.look(place.vhost, ["q", "quorum", "gone"]) == {"q": idle, "quorum": idle}
    assert place.broker.look(place.vhost, []) == {}


def test_another_vhost_is_another_world(place: Place) -> None:
    with pytest.raises(VhostMissingError, match="no vhost"):
        place.broker.read("no such vhost")
    with pytest.raises(VhostMissingError, match="no vhost"):
        place.broker.declare("no such vhost", [Q], silent)


def test_making_a_vhost_that_is_there_changes_nothing(place: Place) -> None:
    _fill(place)
    before = place.broker.read(place.vhost)
    place.broker.create_vhost(place.vhost)
    assert place.broker.read(place.vhost) == before


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(exchange=nouns.exchanges, queue=nouns.queues, policy=nouns.policies, key=nouns.keys, table=nouns.tables)
def test_any_name_there_and_back(  # noqa: PLR0917 - hypothesis gives them all by name
    place: Place, exchange: Exchange, queue: Queue, policy: Policy, key: str, table: Arguments
) -> None:
    """Declared, read, deleted, whatever the names, keys and arguments."""
    # RabbitMQ cannot list a binding with a tilde in its key and arguments.
    binding = Binding(
        source=exchange.name,
        destination=queue.name,
        routing_key=key.replace("~", "") if table else key,
        arguments=table,
    )
    if policy.name in {".", ".."}:
        policy = Policy(name="p", pattern=policy.pattern, definition=policy.definition)
    _clear(place)
    assert place.broker.declare(place.vhost, [exchange, queue], silent) == []
    assert place.broker.declare(place.vhost, [binding, policy], silent) == []
    existing = place.broker.read(place.vhost)
    assert existing.exchanges[exchange.name] == exchange
    assert existing.queues == {queue.name: queue}
    assert list(existing.bindings) == [binding]
    assert existing.policies == {policy.name: policy}
    assert place.broker.delete(existing, [binding, policy], silent) == []
    assert place.broker.read(place.vhost).bindings == {}
    assert place.broker.delete(existing, [queue, exchange], silent) == []
    left = place.broker.read(place.vhost)
    assert (left.queues, left.policies, exchange.name in left.exchanges) == ({}, {}, False)


@pytest.mark.parametrize("key", nouns.ODD_KEYS)
def test_a_binding_with_any_key_can_be_deleted(place: Place, key: str) -> None:
    binding = Binding(source="e", destination="q", routing_key=key)
    other = Binding(source="e", destination="q", routing_key="other")
    assert place.broker.declare(place.vhost, [E, Queue(name="q")], silent) == []
    assert place.broker.declare(place.vhost, [binding, other], silent) == []
    assert place.broker.delete(place.broker.read(place.vhost), [binding], silent) == []
    assert set(place.broker.read(place.vhost).bindings) == {other}
