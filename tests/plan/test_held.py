"""Of what a replacement holds nothing is lost to a limit that was not in force when it began."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Replace
from proca_topo.plan.planner import make_plan
from proca_topo.plan.replacing.held import NO_POLICIES, capacity_for_held, in_force_now
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import InForce, Replaced, unfinished
from proca_topo.topology.nouns import Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce
from tests.plan.begun import begun
from tests.plan.circuit_world import WAIT, desired, queue

PLAIN = queue("work")


def policy(pattern: str = "^work$", **definition: object) -> Policy:
    table = {key.replace("_", "-"): value for key, value in definition.items()}
    return Policy(name="theirs", pattern=pattern, definition=Arguments.of(table))


def resumed(there: Existing, wanted: Queue = PLAIN) -> Replace:
    changes = make_plan(there, desired(queues=(wanted, WAIT))).changes
    [change] = [change for change in changes if isinstance(change, Replace)]
    return change


SOON = policy(message_ttl=5)
UNCERTAIN = replace(SOON, pattern="(?i)^WORK$")


@pytest.mark.parametrize("limiting", [False, True])
@pytest.mark.parametrize(
    ("was", "becomes", "there", "waits", "expected"),
    [
        (PLAIN, PLAIN, (), True, InForce()),
        (PLAIN, PLAIN, (SOON,), False, InForce(drops=5, drops_arrived=5)),
        # What waits may be from before the policy; what is to arrive is not.
        (PLAIN, PLAIN, (SOON,), True, InForce(drops_arrived=5)),
        (queue("work", message_ttl=7), PLAIN, (SOON,), True, InForce(drops=7, drops_arrived=5)),
        (queue("work", message_ttl=7), PLAIN, (), False, InForce(drops=7, drops_arrived=7)),
        (PLAIN, queue("work", message_ttl=7), (), False, InForce(drops_arrived=7)),
        (queue("work", message_ttl=7, dead_letter_exchange="in"), PLAIN, (), False, InForce()),
        # Python cannot tell whether it is in force. If it is, it was from the beginning.
        (PLAIN, PLAIN, (UNCERTAIN,), False, InForce(drops=5, drops_arrived=5)),
        (PLAIN, PLAIN, (UNCERTAIN,), True, InForce(drops_arrived=5)),
        (PLAIN, PLAIN, (replace(UNCERTAIN, definition=Arguments.of({"expires": 5})),), False, InForce()),
        (PLAIN, PLAIN, (policy(expires=5, max_length_bytes=6),), True, InForce(expires=5, size=6)),
    ],
)
def test_what_is_noted(
    was: Queue, becomes: Queue, there: tuple[Policy, ...], expected: InForce, *, waits: bool, limiting: bool
) -> None:
    """Be it by a policy or by one of the operator."""
    kinds = (PoliciesInForce(there), NO_POLICIES)
    policies, operators = reversed(kinds) if limiting else kinds
    assert in_force_now(was, becomes, policies, operators, waits=waits) == expected


@pytest.mark.parametrize("in_force", [InForce(), InForce(size=1, expires=2, drops=3, drops_arrived=4), None])
def test_a_note_is_read_as_it_was_written(in_force: InForce | None) -> None:
    [one] = unfinished(begun(in_force=in_force))
    assert one.replaced.in_force == in_force


@pytest.mark.parametrize("text", ["", "{", "[]", "7", '{"drops": "5"}', '{"drops": true}', '{"drops": 1.5}', 5])
def test_a_note_that_nobody_can_read_is_none(text: object) -> None:
    there = begun(in_force=InForce(drops=5))
    exchanges = {
        name: replace(one, arguments=Arguments.of({**one.arguments.to_dict(), "x-proca-topo-in-force": text}))
        for name, one in there.exchanges.items()
    }
    [one] = unfinished(replace(there, exchanges=exchanges))
    assert one.replaced.in_force is None


@pytest.mark.parametrize(
    ("at_first", "held_back"),
    [
        (InForce(), "the message-ttl 5 would drop 12 messages held for it, which no dead-letter exchange takes"),
        (InForce(drops=6, drops_arrived=5), "the message-ttl 5 would drop 10 messages held for it"),
        (InForce(drops_arrived=5), "the message-ttl 5 would drop 10 messages held for it"),
        (InForce(drops=5, drops_arrived=5), None),
        (InForce(drops=4, drops_arrived=4), None),
        (None, "the message-ttl 5 would drop 12 messages held for it"),
    ],
)
@pytest.mark.parametrize("there", [(), (PLAIN,)])
def test_a_time_to_live_that_is_shorter_than_at_first(
    at_first: InForce | None, held_back: str | None, there: tuple[Queue, ...]
) -> None:
    """Of what an older version has begun, which noted nothing, everything is spared."""
    change = resumed(begun(was=PLAIN, there=there, in_force=at_first, policies=(SOON,)))
    if held_back is None:
        assert change.held_back is None
        assert change.hazards[0].message.endswith("; apply finishes it")
    else:
        assert held_back in (change.held_back or "")
        assert (change.held_back or "").endswith(
            ": take the message-ttl out of the policy theirs, or give the queue a dead-letter exchange, and apply"
            " again"
        )
        assert change.hazards[0].message.endswith("where nobody gets them")


def test_what_is_still_in_the_old_queue_is_spared_as_well() -> None:
    there = begun(was=PLAIN, there=(PLAIN,), old_is_gone=False, in_force=InForce(), policies=(SOON,))
    empty = {name: replace(one, ready=0) for name, one in there.activity.items()}
    assert resumed(replace(there, activity=empty)).held_back is None
    waiting = {**empty, "work": replace(empty["work"], ready=3)}
    assert "would drop 3 messages" in (resumed(replace(there, activity=waiting)).held_back or "")


def test_a_time_to_live_of_the_queue_that_is_there_cannot_be_taken_out_of_it() -> None:
    change = resumed(begun(was=PLAIN, there=(queue("work", message_ttl=5),), in_force=InForce()))
    assert change.held_back == (
        "work is there already, and the message-ttl 5 would drop 12 messages held for it, which no dead-letter"
        " exchange takes: give it a dead-letter exchange by a policy, or delete it if nothing in it is needed, and"
        " apply again"
    )


@pytest.mark.parametrize(
    ("policies", "at_first", "expected"),
    [
        ((policy(expires=5),), InForce(), 5),
        ((policy(expires=5),), InForce(expires=6), 5),
        ((policy(expires=5),), InForce(expires=5), None),
        # It would delete what holds the messages as soon.
        ((policy(".*", expires=5),), InForce(), None),
        ((policy("^(work|proca-topo.parked.work)$", expires=5),), InForce(), 5),
    ],
)
def test_an_end_that_is_new(policies: tuple[Policy, ...], at_first: InForce, expected: int | None) -> None:
    replaced = Replaced(was=PLAIN, becomes="work", in_force=at_first)
    assert capacity_for_held(replaced, PLAIN, PoliciesInForce(policies)).expires == expected


@pytest.mark.parametrize(("at_first", "expected"), [(InForce(), 5), (InForce(size=6), 5), (InForce(size=5), None)])
def test_a_limit_in_bytes_that_is_new(at_first: InForce, expected: int | None) -> None:
    """Each holding queue may have as much, so it counts as well where it is for these."""
    replaced = Replaced(was=PLAIN, becomes="work", in_force=at_first)
    there = PoliciesInForce([policy(".*", max_length_bytes=5)])
    assert capacity_for_held(replaced, PLAIN, there).size == expected


def test_a_remedy_names_the_policies_that_limit() -> None:
    change = resumed(begun(was=PLAIN, in_force=InForce(), policies=(policy(expires=5, message_ttl=6),)))
    assert "take the message-ttl out of the policy theirs" in (change.held_back or "")
    change = resumed(begun(was=PLAIN, in_force=InForce(), policies=(policy(expires=5),)))
    assert (change.held_back or "").endswith(
        "raise its limits in the spec or in the policy theirs, or take them out until it has drained, and apply"
        " again"
    )


@pytest.mark.parametrize("there", [(), (PLAIN,)])
def test_a_policy_of_the_spec_waits_for_what_it_would_stop(there: tuple[Queue, ...]) -> None:
    """The replacement is finished, and the next apply sets it: then it spares what waits."""
    unfinished_one = begun(was=PLAIN, there=there, in_force=InForce())
    changes = make_plan(unfinished_one, desired(queues=(PLAIN, WAIT), policies=(SOON,))).changes
    held_back = {change.noun.name: change.held_back for change in changes}
    assert held_back["work"] is None
    assert held_back["theirs"] == (
        "the replacement of work holds what it would drop: once that is finished, the next apply sets it"
    )


@pytest.mark.parametrize("there", [(), (SOON,)])
def test_a_policy_of_the_spec_that_lets_a_replacement_go_on_does_not_wait(there: tuple[Policy, ...]) -> None:
    """It has a dead-letter exchange, for want of which another version of it had stopped that."""
    taken_on = policy(message_ttl=4, dead_letter_exchange="fail")
    stopped = begun(was=PLAIN, in_force=InForce(), policies=there)
    changes = make_plan(stopped, desired(queues=(PLAIN, WAIT), policies=(taken_on,))).changes
    held_back = {change.noun.name: change.held_back for change in changes}
    assert (held_back["work"], held_back["theirs"]) == (None, None)
