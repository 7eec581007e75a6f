"""A queue is not replaced by one that drops what expires, while anything waits in it to be dead-lettered."""

from typing import Any

import pytest

from proca_topo.plan.changes import Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Policy
from tests.plan.circuit_world import desired, existing, queue

BY_POLICY = Policy(name="policy", pattern="^work$", definition=Arguments.of({"dead-letter-exchange": "fail"}))


@pytest.mark.parametrize(
    ("after", "policies", "is_held_back"),
    [
        ({"message_ttl": 5}, (), True),
        ({"message_ttl": 5}, (BY_POLICY,), False),
        ({}, (), False),
        ({"message_ttl": 6, "dead_letter_exchange": "return"}, (), False),
    ],
)
def test_what_waits_to_be_dead_lettered_is_not_moved_to_where_it_is_dropped(
    after: dict[str, Any], policies: tuple[Policy, ...], *, is_held_back: bool
) -> None:
    was, becomes = queue("work", message_ttl=5, dead_letter_exchange="fail"), queue("work", **after)
    for count in (0, 7):
        there = existing(queues=(was, queue("wait")), activity={"work": Activity(ready=count, consumers=0)})
        then = desired(queues=(becomes, queue("wait")), policies=policies)
        changes = make_plan(there, then, replacing=Replacing.IDLE).changes
        [held_back] = [one.held_back for one in changes if one.noun == becomes]
        reason = "7 messages in it would be dropped, not dead-lettered, when they expire: let it drain first"
        assert held_back == (reason if is_held_back and count else None)
