"""What a plan makes of a replacement that was interrupted, when the spec has changed meanwhile."""

from dataclasses import replace
from typing import Any

import pytest

from proca_topo.plan.changes import Declare, Replace, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.plan.saved import saved_plan
from proca_topo.plan.staleness import Verdict, discrepancies
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Binding, Policy, Queue
from tests.plan.begun import begun
from tests.plan.circuit_world import ALL_BINDINGS, SOURCE, WAIT, WORK, desired, existing


def resumed(there: Existing, wanted: Queue, how: Replacing = Replacing.FINISHING) -> Replace:
    [change] = [
        c
        for c in make_plan(there, desired(queues=(wanted, WAIT)), replacing=how).changes
        if c.org is None and isinstance(c, Replace)
    ]
    return change


def with_arguments(queue: Queue = WORK, **more: Any) -> Queue:
    named = {f"x-{key.replace('_', '-')}": value for key, value in more.items()}
    return replace(queue, arguments=Arguments.of({**queue.arguments.to_dict(), **named}))


UNFIT = {
    "a limit": (with_arguments(max_length=11), "12 messages held for it are more than the max-length 11"),
    "an end": (with_arguments(expires=1000), "expires would delete it with the 12 messages held for it"),
    "a stream": (replace(WORK, type="stream"), "what is in a stream cannot be moved"),
    "auto-delete": (replace(WORK, auto_delete=True), "an auto-delete queue goes with its last consumer"),
}


@pytest.mark.parametrize("name", UNFIT)
@pytest.mark.parametrize("how", [Replacing.FINISHING, Replacing.DISCONNECTING])
def test_what_the_wanted_queue_would_not_keep_goes_into_the_queue_as_it_was(name: str, how: Replacing) -> None:
    wanted, reason = UNFIT[name]
    change = resumed(begun(), wanted, how)
    assert change.noun == WORK
    assert change.held_back is None
    assert any(f"leaves the queue as it was: {reason}" in hazard.message for hazard in change.hazards)


@pytest.mark.parametrize("wanted", [(), (with_arguments(max_length=11),), (with_arguments(max_priority=5),)])
def test_a_saved_plan_that_finishes_one_is_the_plan_as_long_as_nothing_changes(wanted: tuple[Queue, ...]) -> None:
    """Also where the spec has the queue no more, or as one that would not keep what is held."""
    there, spec = begun(), desired(queues=(*wanted, WAIT))
    plan = make_plan(there, spec)
    assert discrepancies(saved_plan(plan, there, spec, with_prune=False), plan, there, spec) == ()


def test_a_saved_plan_that_finishes_one_is_another_once_the_spec_wants_another_queue() -> None:
    there, then, now = begun(), desired(), desired(queues=(with_arguments(max_priority=5), WAIT))
    kept = saved_plan(make_plan(there, then), there, then, with_prune=False)
    [found] = discrepancies(kept, make_plan(there, now), there, now)
    assert (found.verdict, found.why) == (Verdict.DIFFERENT, "the spec has changed it")


@pytest.mark.parametrize(
    ("count", "reason"), [(9, None), (10, "it is full, with 10 messages and the max-length 10")]
)
def test_a_full_queue_is_not_replaced(count: int, reason: str | None) -> None:
    """What arrives meanwhile is in a queue without that limit, and would fit nowhere in the end."""
    full = with_arguments(max_length=10)
    there = existing(queues=(full, WAIT), activity={"work": Activity(ready=count, consumers=0)})
    change = resumed(there, with_arguments(full, max_priority=5), Replacing.IDLE)
    assert change.held_back == reason or (change.held_back or "").startswith(f"{reason}, so that what arrives")


def test_what_fits_goes_into_the_wanted_queue() -> None:
    wanted = with_arguments(max_length=12)
    assert resumed(begun(), wanted).noun == wanted


def test_a_policy_limits_a_queue_that_is_not_there_yet() -> None:
    policy = Policy(
        name="p", pattern="^work$", apply_to="quorum_queues", definition=Arguments.of({"max-length": 5})
    )
    wanted = replace(WORK, type="quorum")
    assert resumed(begun(policies=(policy,)), wanted).noun == WORK
    assert resumed(begun(), wanted).noun == wanted


def test_it_is_held_back_where_no_queue_would_keep_what_is_held() -> None:
    change = resumed(begun(was=with_arguments(max_length=5)), with_arguments(max_length=6))
    assert change.held_back == (
        "12 messages held for it are more than the max-length 6 allows, and the queue as it was would"
        " not keep them either: raise its limits in the spec, or take them out until it has drained, and apply"
        " again"
    )


def test_a_new_queue_that_is_there_already_gets_what_is_held() -> None:
    """What has been moved into it counts too, where the spec wants yet another one."""
    there = begun(there=(with_arguments(max_priority=5),), activity={"work": Activity(ready=8)})
    assert resumed(there, with_arguments(max_length=20)).noun == with_arguments(max_length=20)
    change = resumed(there, with_arguments(max_length=19))
    assert change.noun == with_arguments(max_priority=5)
    assert change.held_back is None


def test_while_the_old_queue_is_there_what_is_in_it_counts() -> None:
    there = begun(there=(WORK,), old_is_gone=False, activity={"work": Activity(ready=3, consumers=0)})
    assert resumed(there, with_arguments(max_length=15)).noun == with_arguments(max_length=15)
    assert resumed(there, with_arguments(max_length=14)).noun == WORK


def test_nothing_of_it_is_wanted_twice() -> None:
    """The bindings move along with the queue, whichever it is."""
    plan = make_plan(begun(), desired(queues=(with_arguments(max_length=5), WAIT)))
    names = [change.noun.name for change in plan.changes if isinstance(change.noun, Binding)]
    assert names == ["return -[work]-> work"]


def is_left_to_its_replacement(there: Existing) -> dict[str, bool]:
    """Of each binding that is to be declared, whether it waits for a replacement."""
    wanted = (*ALL_BINDINGS, replace(SOURCE, routing_key="new"))
    plan = make_plan(there, desired(queues=(with_arguments(max_priority=5), WAIT), bindings=wanted))
    declares = [change for change in plan.changes if isinstance(change, Declare)]
    return {change.noun.name: change.after_replacement for change in declares}


def test_its_replacement_makes_the_bindings_of_a_queue_that_is_not_there_yet() -> None:
    expected = {"return -[work]-> work": True, "in -[new]-> work": True}
    assert is_left_to_its_replacement(begun()) == expected


@pytest.mark.parametrize("old_is_gone", [False, True])
def test_a_queue_that_may_be_consumed_from_gets_the_way_back_of_its_dead_letters_at_once(
    old_is_gone: bool,  # noqa: FBT001 - a case
) -> None:
    expected = {"return -[work]-> work": False, "in -[new]-> work": True}
    assert is_left_to_its_replacement(begun(there=(WORK,), old_is_gone=old_is_gone)) == expected


def test_the_waiting_queues_of_circuits_are_replaced_first() -> None:
    there = existing(queues=(replace(WORK, name="job"), WAIT))
    wanted = desired(
        queues=(with_arguments(replace(WORK, name="job"), max_priority=5), with_arguments(WAIT, max_priority=5))
    )
    plan = make_plan(there, replace(wanted, waiting=frozenset({"wait"})), replacing=Replacing.IDLE)
    assert [c.noun.name for c in plan.changes if isinstance(c, Replace)] == ["wait", "job"]


def renamed(there: Existing, wanted: Queue) -> Replace:
    spec = replace(
        desired(queues=(wanted, WAIT), bindings=(), owns=("work", "job", "wait")), renames={wanted.name: "work"}
    )
    changes = make_plan(there, spec, replacing=Replacing.IDLE).changes
    [change] = [change for change in changes if isinstance(change, Replace)]
    return change


JOB = replace(WORK, name="job")


def test_a_queue_of_the_new_name_counts_with_what_is_in_it() -> None:
    limited = with_arguments(JOB, max_length=10)
    there = existing(queues=(WORK, WAIT, limited), activity={"work": Activity(ready=4), "job": Activity(ready=5)})
    assert renamed(there, limited).held_back is None
    there = replace(there, activity={**there.activity, "job": Activity(ready=7)})
    assert renamed(there, limited).held_back == (
        "11 messages in it are more than the max-length 10 allows: let it drain first"
    )


def test_a_queue_of_the_new_name_that_is_another_one_is_in_the_way() -> None:
    there = existing(queues=(WORK, WAIT, with_arguments(JOB, max_length=10)))
    assert renamed(there, JOB).held_back == (
        "job is there already and is not as the spec wants it: take renamed_from out until it has been replaced"
        " itself, or delete it"
    )
    own = replace(existing(), exclusive=frozenset({"job"}))
    assert renamed(own, JOB).held_back == "job is one connection's own queue: end that connection first"


def test_a_queue_of_the_new_name_that_came_meanwhile_has_to_keep_all_before_the_old_one_goes() -> None:
    there = begun(becomes="job", there=(WORK, with_arguments(JOB, max_length=10)), old_is_gone=False)
    assert renamed(there, JOB).held_back == (
        "job is there already, and 12 messages held for it are more than the max-length 10 allows: let its"
        " consumers make room, or delete it if nothing in it is needed, and apply again"
    )
    gone = begun(becomes="job", there=(with_arguments(JOB, max_length=10),))
    change = renamed(gone, JOB)
    assert change.held_back is None
    assert "apply finishes it, once there is room: 12 messages held for it" in change.hazards[0].message


VALUELESS = replace(SOURCE, arguments=Arguments.of({"x-match": "all", "deep": {"n": ["undefined"]}}))


def test_a_binding_that_came_meanwhile_and_cannot_be_made_anew() -> None:
    """Once the old queue is gone there is none that has to be."""
    draining = begun(there=(WORK,), old_is_gone=False)
    there = replace(draining, bindings={**draining.bindings, VALUELESS: ("key",)})
    change = resumed(there, WORK)
    assert change.held_back == (
        "its binding in -[a.*]-> work cannot be made anew: RabbitMQ shows an argument that has no value as it"
        " shows the text 'undefined'. Unbind it first, and bind it again afterwards"
    )
    filling = begun(there=(WORK,))
    there = replace(filling, bindings={**filling.bindings, VALUELESS: ("key",)})
    assert resumed(there, WORK).held_back is None


def test_a_binding_that_no_api_can_list_and_cannot_be_made_anew() -> None:
    draining = begun(there=(WORK,), old_is_gone=False)
    unlisted = replace(SOURCE, routing_key="a~b", arguments=Arguments.of({"n": 1}))
    change = resumed(replace(draining, bindings={**draining.bindings, unlisted: ("key",)}), WORK)
    assert change.held_back == (
        "its binding in -[a~b]-> work cannot be made anew: RabbitMQ's API cannot list one with a '~' in its"
        " key and with arguments. Unbind it first, and bind it again afterwards"
    )


@pytest.mark.parametrize("value", ["undefined ", '"undefined"', 'x"undefined', 'x:"undefined"', {"undefined": 1}])
def test_what_only_looks_like_an_argument_without_a_value(value: object) -> None:
    assert not replace(SOURCE, arguments=Arguments.of({"n": value})).may_lack_a_value


@pytest.mark.parametrize(
    ("old_is_gone", "definition", "queue_type", "is_held_back"),
    [
        (False, {"max-length": 5}, "classic", True),
        (True, {"max-length": 5}, "classic", False),
        (False, {"delivery-limit": 2}, "classic", False),
        (False, {"delivery-limit": 2}, "quorum", True),
        (True, {"delivery-limit": 2}, "quorum", True),
        (True, {"delivery-limit": 10}, "quorum", False),
        (True, {"delivery-limit": -1}, "quorum", False),
    ],
)
def test_a_policy_that_endangers_what_is_held(
    old_is_gone: bool,  # noqa: FBT001 - a case
    definition: dict[str, int],
    queue_type: str,
    is_held_back: object,
) -> None:
    """Though another one is in force on the queue itself. What is dropped is best moved on, once that can be."""
    was = replace(WORK, type=queue_type)
    theirs = Policy(name="theirs", pattern="", definition=Arguments.of(definition))
    ours = Policy(name="ours", pattern="^work$", priority=5, definition=Arguments.of({"message-ttl": 5000}))
    there = () if old_is_gone else (was,)
    change = resumed(begun(was=was, there=there, old_is_gone=old_is_gone, policies=(theirs, ours)), was)
    assert (change.held_back is not None) is is_held_back
    if change.held_back is not None:
        assert change.held_back.startswith(
            f"the policy theirs would give {next(iter(definition))} to the queue that"
        )


def test_a_queue_that_allows_few_deliveries_is_left_to_its_consumers() -> None:
    was = replace(with_arguments(delivery_limit=2), type="quorum")
    there = begun(was=was, there=(was,), old_is_gone=False, activity={"work": Activity(ready=1, consumers=0)})
    assert resumed(there, WORK, Replacing.DISCONNECTING).held_back == (
        "its delivery limit of 2 could drop some of 1 message if moving them is interrupted so often: let it drain"
        " first"
    )
    empty = replace(there, activity={**there.activity, "work": Activity(consumers=0)})
    assert resumed(empty, replace(WORK, type="quorum")).held_back is None


def test_a_policy_of_the_spec_is_looked_at_before_it_is_set() -> None:
    """Apply sets it first: a plan that does not look at it would say what apply does not do."""
    ttl = Policy(name="policy", pattern="work$", definition=Arguments.of({"message-ttl": 5000}))
    wanted = replace(desired(queues=(with_arguments(max_priority=5), WAIT)), policies={"policy": ttl})
    [change] = [
        c for c in make_plan(existing(), wanted, replacing=Replacing.IDLE).changes if isinstance(c, Replace)
    ]
    assert change.held_back is not None
    assert "the policy policy would give message-ttl to the queue that holds messages" in change.held_back
