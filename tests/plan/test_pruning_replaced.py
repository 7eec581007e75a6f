"""What a queue that is replaced brings along and nobody wants any more is planned to go, and safely."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Change, Delete, Plan, Replacing, Retire, action_of
from proca_topo.plan.planner import make_plan
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import DestinationType, Exchange
from tests.plan.begun import begun
from tests.plan.circuit_world import FAIL_TO_WAIT, IN, SOURCE, WAIT, WAY_BACK, WORK, bind, desired, existing, queue

JOB = queue("job", dead_letter_exchange="fail", dead_letter_routing_key="job")
OWNS = ("in", "next", "fail", "return", "work", "job", "wait")
RENAMED = replace(
    desired(
        queues=(JOB, WAIT),
        bindings=(replace(SOURCE, destination="job"), FAIL_TO_WAIT, bind("return", "job", "job")),
        owns=OWNS,
    ),
    renames={"job": "work"},
)


def pruned(there: Existing, wanted: Desired, how: Replacing = Replacing.IDLE) -> Plan:
    return make_plan(there, wanted, with_prune=True, replacing=how)


def gone(plan: Plan) -> list[str]:
    return [_word(change) for change in plan.changes if isinstance(change, (Delete, Retire))]


def _word(change: Change) -> str:
    reason = change.reason if isinstance(change, Retire) else change.held_back
    return f"{action_of(change)} {change.noun.name}" + ("" if reason is None else f": {reason}")


def test_a_way_back_by_the_old_name_goes_with_the_renaming() -> None:
    assert gone(pruned(existing(), RENAMED)) == ["delete return -[work]-> job"]


def test_it_stays_while_anything_waits_to_come_back_by_it() -> None:
    there = existing(activity={"wait": Activity(ready=2)})
    assert gone(pruned(there, RENAMED)) == ["retire return -[work]-> job: 2 messages in wait may come back by it"]


def test_it_goes_when_what_was_begun_is_finished() -> None:
    there = begun(becomes="job")
    there = replace(
        there, bindings={**there.bindings, replace(WAY_BACK, destination="proca-topo.arriving.work"): ()}
    )
    assert gone(pruned(there, RENAMED, Replacing.FINISHING)) == ["delete return -[work]-> job"]


@pytest.mark.parametrize("how", [Replacing.IDLE, Replacing.FINISHING])
def test_an_exchange_that_only_the_old_name_is_bound_to(how: Replacing) -> None:
    """Nobody is told to unbind what is still to be moved."""
    after = bind("next", "a", "job")
    wanted = replace(
        RENAMED,
        exchanges={"next": Exchange(name="next", type="topic"), "fail": RENAMED.exchanges["fail"]}
        | {"return": RENAMED.exchanges["return"]},
        bindings=(RENAMED.bindings - {replace(SOURCE, destination="job")}) | {after},
    )
    expected = {
        Replacing.IDLE: ["delete in -[a.*]-> job", "delete return -[work]-> job", "delete in"],
        Replacing.FINISHING: ["retire in: in -[a.*]-> work needs it until work is replaced"],
    }
    assert gone(pruned(existing(), wanted, how)) == expected[how]


def test_what_is_finished_only_to_go() -> None:
    """Its bindings go at once, it goes by the next apply, and nothing is counted that nobody wants."""
    there = replace(begun(), exchanges={**begun().exchanges})
    plan = pruned(there, desired(exchanges=(IN,), queues=(), bindings=()), Replacing.FINISHING)
    assert "delete in -[a.*]-> work" in gone(plan)
    assert [action_of(change) for change in plan.changes if change.noun.name == WORK.name] == ["replace"]
    assert plan.unchanged == 1


@pytest.mark.parametrize("how", [Replacing.IDLE, Replacing.FINISHING])
def test_a_way_that_a_renamed_queue_is_to_take_stays_until_it_is_renamed(how: Replacing) -> None:
    """With all that is on it. What no key of it is for goes."""
    other, through = Exchange(name="next", type="topic"), bind("in", "a.b", "next", DestinationType.EXCHANGE)
    there = existing(
        exchanges=(IN, other),
        queues=(queue("work"), WAIT),
        bindings=(through, bind("next", "#", "wait"), bind("in", "c", "wait")),
    )
    wanted = desired(exchanges=(IN,), queues=(queue("job"), WAIT), bindings=(bind("in", "a.*", "job"),), owns=OWNS)
    plan = pruned(there, replace(wanted, renames={"job": "work"}), how)
    went = {word for word in gone(plan) if ": " not in word}
    if how is Replacing.IDLE:
        assert went == {
            "delete in -[a.b]-> next",
            "delete next -[#]-> wait",
            "delete in -[c]-> wait",
            "delete next",
        }
    else:
        assert went == {"delete in -[c]-> wait"}
        assert (
            "delete in -[a.b]-> next: in -[a.*]-> job may take over from it and is held back: that goes first"
            in gone(plan)
        )
