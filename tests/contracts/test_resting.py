"""Where a message comes to rest that is rejected, or that nobody consumes."""

from typing import Final

import pytest

from proca_topo.contracts.resting import Journeys
from proca_topo.topology.route_contracts import After
from proca_topo.topology.routing.matching import Message
from tests.spec.nouns import desired_of

CIRCUIT: Final = "retry: {r: {delay: 1s, fail: fail, wait: wait, return: back}}\n"
WORK: Final = "bindings: [{exchange: in, key: work}]"


EXCHANGES: Final = "exchanges: {in: {type: topic}, x: {type: topic}}"


def _at_rest(spec: str, after: After | None, key: str = "work", exchange: str = "in") -> set[str]:
    desired = desired_of(f'topology: 1\nowns: ["*"]\n{EXCHANGES}\n{spec}')
    outcome = Journeys(desired, desired.waiting).outcome(exchange, Message(routing_key=key), after)
    assert not outcome.doubts
    return set(outcome.queues)


REJECTED, EXPIRED = After.REJECTED, After.EXPIRED


@pytest.mark.parametrize(
    ("spec", "after", "expected"),
    [
        pytest.param(f"queues: {{q: {{{WORK}}}}}", REJECTED, set(), id="without dead letters it is gone"),
        pytest.param(f"queues: {{q: {{{WORK}}}}}", EXPIRED, {"q"}, id="where nothing expires it stays"),
        pytest.param(f"queues: {{q: {{ttl: 1s, {WORK}}}}}", EXPIRED, set(), id="it expires and is gone"),
        pytest.param(
            f"{CIRCUIT}queues: {{q: {{retry: r, {WORK}}}}}", REJECTED, {"q"}, id="a retry circuit brings it back"
        ),
        pytest.param(
            f"{CIRCUIT}queues: {{q: {{retry: r, {WORK}}}, p: {{retry: r, {WORK}}}, s: {{{WORK}}}}}",
            REJECTED,
            {"q", "p"},
            id="each copy comes back to its own queue",
        ),
        pytest.param(
            f"{CIRCUIT}queues: {{q: {{retry: r, ttl: 1d, {WORK}}}}}",
            REJECTED,
            {"q"},
            id="also where the worker's queue has a time limit",
        ),
        pytest.param(
            f"{CIRCUIT}queues: {{q: {{retry: r, ttl: 1d, {WORK}}}}}",
            EXPIRED,
            set(),
            id="what only expires on its way in a circle is dropped",
        ),
        pytest.param(
            f"queues: {{q: {{dead-letter: {{exchange: x}}, {WORK}}}, "
            "dead: {bindings: [{exchange: x, key: work}]}}",
            REJECTED,
            {"dead"},
            id="dead letters keep their key",
        ),
        pytest.param(
            f"queues: {{q: {{dead-letter: {{exchange: x, key: k}}, {WORK}}}, "
            "dead: {dead-letter: {exchange: x, key: l}, bindings: [{exchange: x, key: k}]}, "
            "deader: {bindings: [{exchange: x, key: l}]}}",
            REJECTED,
            {"dead"},
            id="it is rejected once only",
        ),
        pytest.param(
            f"queues: {{q: {{dead-letter: {{exchange: x, key: w}}, {WORK}}}, "
            "w: {ttl: 1s, dead-letter: {exchange: in, key: work}, bindings: [{exchange: x, key: w}]}}",
            REJECTED,
            {"q"},
            id="a waiting queue by hand",
        ),
        pytest.param(
            f"queues: {{q: {{dead-letter: {{exchange: x, key: w}}, {WORK}}}, "
            "w: {ttl: 1s, dead-letter: {exchange: in, key: work},"
            " bindings: [{exchange: x, key: w}, {exchange: amq.topic}]}}",
            REJECTED,
            {"w"},
            id="a queue that has work of its own is no waiting queue",
        ),
        pytest.param(
            f"queues: {{q: {{ttl: 1s, dead-letter: {{exchange: x, key: q2}}, {WORK}}}, "
            'q2: {ttl: 1s, dead-letter: {exchange: ""}, bindings: [{exchange: x, key: q2}]}, work: {}}',
            EXPIRED,
            set(),
            id="the default exchange, and the key that it has by then",
        ),
        pytest.param(
            f"queues: {{q: {{type: stream, {WORK}}}}}", REJECTED, {"q"}, id="a stream keeps what is rejected"
        ),
        pytest.param(
            f"queues: {{q: {{type: stream, {WORK}}}}}\n"
            "policies: {q: {pattern: q, definition: {message-ttl: 1s}}}",
            EXPIRED,
            {"q"},
            id="nor do messages expire in it",
        ),
        pytest.param(
            f"queues: {{q: {{{WORK}}}, dead: {{}}}}\npolicies: {{p: {{pattern: ^q$, definition: "
            '{dead-letter-exchange: "", dead-letter-routing-key: dead, message-ttl: 1s}}}',
            EXPIRED,
            {"dead"},
            id="a policy says where and when",
        ),
        pytest.param(f"queues: {{q: {{{WORK}}}}}", None, {"q"}, id="at once"),
    ],
)
def test_it_is_in_the_end_in(spec: str, after: After | None, expected: set[str]) -> None:
    assert _at_rest(spec, after) == expected


def test_what_is_published_to_a_waiting_queue_is_not_rejected_there_but_waits() -> None:
    spec = f"{CIRCUIT}queues: {{q: {{retry: r}}}}"
    assert _at_rest(spec, None, key="q", exchange="fail") == {"wait"}
    assert _at_rest(spec, REJECTED, key="q", exchange="fail") == {"q"}
    assert _at_rest(spec, EXPIRED, key="q", exchange="fail") == {"q"}
    assert _at_rest(spec, EXPIRED, key="other", exchange="fail") == set()


def test_the_exchanges_of_every_vhost_are_known() -> None:
    spec = 'queues: {q: {bindings: [{exchange: amq.topic, key: "work.#"}]}}'
    assert _at_rest(spec, None, exchange="amq.topic") == {"q"}


def test_what_a_publisher_says_of_earlier_deaths_is_not_known_to_count() -> None:
    desired = desired_of(
        f'topology: 1\nowns: ["*"]\n{EXCHANGES}\n'
        f"queues: {{q: {{dead-letter: {{exchange: x}}, {WORK}}}, "
        "dead: {bindings: [{exchange: x, key: work}]}}"
    )
    message = Message(routing_key="work", headers={"x-death": []})
    outcomes = [Journeys(desired).outcome("in", message, after) for after in (None, REJECTED)]
    assert [one.queues for one in outcomes] == [{"q"}, {"dead"}]
    assert [bool(one.doubts) for one in outcomes] == [False, True]


def test_what_cannot_be_known_is_said() -> None:
    desired = desired_of(
        """
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, h: {type: x-random}}
queues: {q: {bindings: [{exchange: in, key: work}]}}
bindings: [{exchange: in, key: random, to-exchange: h}]
policies: {p: {pattern: "q(?<=q)", definition: {message-ttl: 1s}}}
"""
    )
    journeys = Journeys(desired)
    assert journeys.outcome("in", Message(routing_key="random"), None).doubts == {
        "exchange h is of a plugin's type, which decides by itself"
    }
    assert journeys.outcome("in", Message(routing_key="work"), None).doubts == frozenset()
    assert journeys.outcome("in", Message(routing_key="work"), EXPIRED).doubts == {
        "which policy is in force on queue q cannot be told"
    }
