"""A queue is not deleted while a message of its can still come back, whatever shape its circuit has."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Delete, Retire
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Exchange, Policy
from tests.plan.circuit_world import (
    FAIL,
    FAIL_TO_WAIT,
    IN,
    RETURN,
    SOURCE,
    WAIT,
    WAY_BACK,
    WORK,
    bind,
    desired,
    existing,
    queue,
)

HOP = Exchange(name="hop", type="topic")
TO_FAIL = {"dead-letter-exchange": "fail", "dead-letter-routing-key": "work"}

SHAPES: dict[str, Existing] = {
    "two hops, and the message is in the first": existing(
        exchanges=(IN, FAIL, HOP, RETURN),
        queues=(
            WORK,
            queue("wait", **{"dead-letter-exchange": "hop", "message-ttl": 1}),
            queue("wait2", **{"dead-letter-exchange": "return", "message-ttl": 1}),
        ),
        bindings=(SOURCE, FAIL_TO_WAIT, bind("hop", "#", "wait2"), WAY_BACK),
        activity={"wait": Activity(ready=1)},
    ),
    "the worker has a TTL, the waiting queue lives by each message's own expiration": existing(
        queues=(
            queue("work", **TO_FAIL, **{"message-ttl": 5}),
            queue("wait", **{"dead-letter-exchange": "return"}),
        ),
        activity={"wait": Activity(ready=1)},
    ),
    "the application publishes to the fail exchange itself": existing(
        queues=(queue("work"), WAIT), activity={"wait": Activity(ready=1)}
    ),
    "a policy that only PCRE can read seems to hide the one that sets the dead-letter exchange": existing(
        queues=(queue("work"), WAIT),
        policies=(
            Policy(name="a", pattern=r"^\Qfoo\E$", priority=10, definition=Arguments.of({"max-length": 5})),
            Policy(name="b", pattern="^work$", definition=Arguments.of({"dead-letter-exchange": "fail"})),
        ),
        activity={"wait": Activity(ready=1)},
    ),
}


@pytest.mark.parametrize("there", SHAPES.values(), ids=SHAPES.keys())
def test_a_queue_stays_while_its_message_waits(there: Existing) -> None:
    """The return exchange has another queue as well, so that it is not the last binding that keeps ours."""
    back = bind("return", "other", "other")
    there = replace(
        there,
        queues={**there.queues, "other": queue("other")},
        bindings={**there.bindings, back: ("key",)},
    )
    wanted = desired(
        exchanges=tuple(there.exchanges.values()),
        queues=tuple(q for name, q in there.queues.items() if name != "work"),
        bindings=tuple(b for b in there.bindings if b.destination != "work"),
    )
    plan = make_plan(there, wanted, with_prune=True)
    verdicts = {change.noun.name: type(change) for change in plan.changes}
    assert verdicts["work"] is Retire
    assert verdicts[WAY_BACK.name] is Retire
    assert verdicts[SOURCE.name] is Delete


def test_another_workers_messages_in_a_shared_circuit_do_not_keep_a_queue() -> None:
    """What a busy neighbour rejects comes back to the neighbour: its key says so."""
    other = queue("other", **{"dead-letter-exchange": "fail", "dead-letter-routing-key": "other"})
    back = bind("return", "other", "other")
    there = existing(
        queues=(WORK, WAIT, other),
        bindings=(SOURCE, FAIL_TO_WAIT, WAY_BACK, back),
        activity={"other": Activity(ready=100, consumers=1)},
    )
    wanted = desired(queues=(WAIT, other), bindings=(FAIL_TO_WAIT, back), owns=("work", "wait", "return", "fail"))
    deleted = {c.noun.name for c in make_plan(there, wanted, with_prune=True).changes if isinstance(c, Delete)}
    assert "work" in deleted


MANY = {"work": Activity(ready=10)}


@pytest.mark.parametrize(
    "policy",
    [
        Policy(name="policy", pattern=r"^[[:alpha:]]+$", definition=Arguments.of({"max-length": 3})),
        Policy(name="policy", pattern=r"^\Qwork\E$", definition=Arguments.of({"max-length": 3})),
        Policy(name="policy", pattern="^work$", definition=Arguments.of({"expires": 5000})),
    ],
    ids=["POSIX class", "only PCRE can read it", "expires"],
)
def test_a_policy_that_may_cost_messages_is_held_back(policy: Policy) -> None:
    [change] = make_plan(existing(activity=MANY), desired(policies=(policy,))).changes
    assert change.held_back is not None


def test_a_foreign_policy_that_cannot_be_read_does_not_vouch_for_ours() -> None:
    theirs = Policy(name="theirs", pattern=r"^\Qx\E$", priority=9, definition=Arguments.of({"message-ttl": 1}))
    ours = Policy(name="policy", pattern="^work$", definition=Arguments.of({"max-length": 3}))
    there = existing(policies=(theirs,), activity=MANY)
    [change] = make_plan(there, desired(policies=(ours,))).changes
    assert change.held_back is not None
    assert replace(ours) == change.noun
