"""The hazards of a replacement tell what an apply would do."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import HazardCode, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.existing import Activity
from tests.plan.circuit_world import desired, existing, queue


@pytest.mark.parametrize(("before", "after"), [("stream", "quorum"), ("classic", "stream")])
def test_what_is_in_a_stream_or_would_come_to_one_is_not_said_to_be_moved(before: str, after: str) -> None:
    was, becomes = (replace(queue("work"), type=kind) for kind in (before, after))
    there = existing(queues=(was,), bindings=(), activity={"work": Activity(ready=3, consumers=0)})
    plan = make_plan(there, desired(queues=(becomes,), bindings=()), replacing=Replacing.IDLE)
    [change] = [one for one in plan.changes if one.noun == becomes]
    assert change.held_back is not None
    told = {hazard.code: hazard.message for hazard in change.hazards}
    assert told.keys() == {HazardCode.MESSAGES_AT_STAKE, HazardCode.REDECLARE_REFUSED}
    assert told[HazardCode.MESSAGES_AT_STAKE] == "3 messages in it, which cannot be moved"
