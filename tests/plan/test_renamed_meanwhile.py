"""What a plan makes of an interrupted replacement of a queue that has yet another name in the spec by now."""

from dataclasses import replace
from typing import Final

import pytest

from proca_topo.plan.changes import Declare, Plan, Replace, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Binding, Queue
from tests.plan.begun import begun
from tests.plan.circuit_world import SOURCE, WAIT, WORK, desired

JOB: Final = replace(WORK, name="job")
LABOUR: Final = replace(WORK, name="labour")
TO_LABOUR: Final = replace(SOURCE, destination="labour")


def planned(there: Existing, renamed_from: str) -> Plan:
    spec = desired(queues=(LABOUR, WAIT), bindings=(TO_LABOUR,), owns=("in", "work", "job", "labour", "wait"))
    return make_plan(there, replace(spec, renames={"labour": renamed_from}), replacing=Replacing.IDLE)


def names(plan: Plan) -> list[tuple[str, str | None]]:
    """What is replaced, by the name before and the name after, and why that is held back."""
    return [
        (f"{change.replaced.was.name} -> {change.noun.name}", change.held_back)
        for change in plan.changes
        if isinstance(change, Replace) and isinstance(change.replaced, Replaced)
    ]


def declared(plan: Plan) -> list[str]:
    """The queues that are declared, and the bindings to them, now."""
    made = [c for c in plan.changes if isinstance(c, Declare) and c.held_back is None and not c.after_replacement]
    return [change.noun.name for change in made if isinstance(change.noun, Queue | Binding)]


@pytest.mark.parametrize(("becomes", "renamed_from"), [("job", "work"), ("job", "job"), ("work", "work")])
def test_while_the_old_queue_is_there_its_messages_go_to_the_name_that_the_spec_has_now(
    becomes: str, renamed_from: str
) -> None:
    """Once, and nothing is bound beside it: what is published meanwhile would be there twice, or nowhere."""
    there = begun(becomes=becomes, there=(WORK,), old_is_gone=False)
    plan = planned(there, renamed_from)
    assert names(plan) == [("work -> labour", None)]
    assert declared(plan) == []


@pytest.mark.parametrize("there", [(), (JOB,)])
def test_once_the_old_queue_is_gone_the_next_name_waits_until_that_is_finished(there: tuple[Queue, ...]) -> None:
    plan = planned(begun(becomes="job", there=there), "job")
    assert names(plan) == [
        ("work -> job", None),
        ("job -> labour", "what was begun and makes job is finished first, under that name: apply again after it"),
    ]
    assert declared(plan) == []


def test_a_queue_of_the_name_in_between_gets_what_was_begun_for_it_first() -> None:
    plan = planned(begun(becomes="job", there=(WORK, JOB), old_is_gone=False), "job")
    assert [name for name, held_back in names(plan) if held_back is None] == ["work -> job"]


def test_two_never_get_the_same_name() -> None:
    """One was begun for it already."""
    there = begun(becomes="job", there=(WORK,), old_is_gone=False)
    other = Replaced(was=Queue(name="task"), becomes="labour")
    parked = Queue(name=other.holding.parked, type="classic", arguments=Arguments.of(other.arguments))
    there = replace(there, queues={**there.queues, parked.name: parked})
    spec = desired(queues=(LABOUR, WAIT), owns=("in", "work", "job", "labour", "wait", "task"))
    plan = make_plan(there, replace(spec, renames={"labour": "job"}), replacing=Replacing.IDLE)
    assert [name for name, _ in names(plan)] == ["work -> job", "task -> labour"]
