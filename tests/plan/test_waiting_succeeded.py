"""A waiting queue with another name takes the place of the old one: what is rejected never waits in both."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Declare
from proca_topo.plan.planner import make_plan
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Exchange, Queue
from tests.plan.circuit_world import (
    ALL_BINDINGS,
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
from tests.plan.test_pruning import words

WAIT2 = replace(WAIT, name="wait2")
FAIL_TO_WAIT2 = replace(FAIL_TO_WAIT, destination="wait2")
OWNING_BOTH = ("in", "fail", "return", "again", "work", "wait", "wait2")


@pytest.mark.parametrize("in_use", [Activity(consumers=1), Activity(unacknowledged=3, consumers=1)])
@pytest.mark.parametrize("waiting", [0, 5])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_waiting_queue_goes_once_another_waits_in_its_place(
    in_use: Activity, waiting: int, *, is_there: bool
) -> None:
    """While both get what is rejected, each rejection makes two messages of one."""
    there = existing(
        queues=(WORK, WAIT, *((WAIT2,) if is_there else ())),
        bindings=(*ALL_BINDINGS, *((FAIL_TO_WAIT2,) if is_there else ())),
        activity={"work": in_use, "wait": Activity(ready=waiting, consumers=0)},
    )
    wanted = desired(queues=(WORK, WAIT2), bindings=(SOURCE, WAY_BACK, FAIL_TO_WAIT2), owns=OWNING_BOTH)
    found = words(make_plan(there, wanted, with_prune=True))
    assert "delete fail -[#]-> wait" in found
    assert ("retire wait: 5 messages in it" if waiting else "delete wait") in found


def test_so_it_does_where_they_come_back_by_another_exchange() -> None:
    again = Exchange(name="again", type="topic")
    there = existing(activity={"work": Activity(ready=3, consumers=1), "wait": Activity(ready=5, consumers=0)})
    wait2 = queue("wait2", dead_letter_exchange="again", message_ttl=1)
    bindings = (SOURCE, FAIL_TO_WAIT2, bind("again", "work", "work"))
    wanted = desired(exchanges=(IN, FAIL, again), queues=(WORK, wait2), bindings=bindings, owns=OWNING_BOTH)
    found = words(make_plan(there, wanted, with_prune=True))
    assert "delete fail -[#]-> wait" in found
    assert "retire return -[work]-> work: the dead letters of work still come back by it" in found


@pytest.mark.parametrize(
    "other",
    [
        queue("wait2", dead_letter_exchange="return"),  # nothing expires in it
        queue("wait2", message_ttl=1),
        queue("wait2", dead_letter_exchange="again", message_ttl=1),  # where nothing comes back
    ],
)
def test_it_stays_where_what_the_other_gets_does_not_come_back(other: Queue) -> None:
    there = existing(activity={"work": Activity(ready=3, consumers=1)})
    again = Exchange(name="again", type="topic")
    wanted = desired(
        exchanges=(IN, FAIL, RETURN, again),
        queues=(WORK, other),
        bindings=(SOURCE, WAY_BACK, FAIL_TO_WAIT2),
        owns=OWNING_BOTH,
    )
    found = words(make_plan(there, wanted, with_prune=True))
    assert "retire fail -[#]-> wait: messages may still come to wait by it" in found


@pytest.mark.parametrize("how", ["without --prune", "protected"])
def test_no_other_queue_takes_its_place_while_it_stays(how: str) -> None:
    wanted = desired(
        queues=(WORK, WAIT2),
        bindings=(SOURCE, WAY_BACK, FAIL_TO_WAIT2),
        owns=OWNING_BOTH,
        protect=("wait",) if how == "protected" else (),
    )
    plan = make_plan(existing(), wanted, with_prune=how == "protected")
    [change] = [change for change in plan.changes if change.noun == FAIL_TO_WAIT2]
    assert isinstance(change, Declare)
    assert change.held_back == (
        "fail -[#]-> wait takes the same, and each rejection would make two messages of one: it is bound when that"
        " goes, with --prune"
    )
