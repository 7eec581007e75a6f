"""A queue is not replaced by one that drops what expires, while anything waits in it that would not be dropped."""

from dataclasses import replace
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


@pytest.mark.parametrize(
    ("before", "after", "policies", "is_held_back"),
    [
        ({}, {"message_ttl": 5}, (), True),
        ({"message_ttl": 6}, {"message_ttl": 5}, (), True),
        ({"message_ttl": 4}, {"message_ttl": 5}, (), False),
        ({"message_ttl": 5}, {"message_ttl": 5, "max_priority": 5}, (), False),
        ({}, {"message_ttl": 5, "dead_letter_exchange": "fail"}, (), False),
        ({}, {"message_ttl": 5}, (BY_POLICY,), False),
    ],
)
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_what_waits_for_a_consumer_is_not_moved_to_where_it_is_dropped_sooner(
    before: dict[str, Any],
    after: dict[str, Any],
    policies: tuple[Policy, ...],
    kind: str,
    *,
    is_held_back: bool,
) -> None:
    was, becomes = queue("work", **before), replace(queue("work", **after), type=kind)
    for count in (0, 7):
        there = existing(queues=(was, queue("wait")), activity={"work": Activity(ready=count, consumers=0)})
        then = desired(queues=(becomes, queue("wait")), policies=policies)
        changes = make_plan(there, then, replacing=Replacing.IDLE).changes
        [held_back] = [one.held_back for one in changes if one.noun == becomes]
        why = "the message-ttl 5 would drop 7 messages in it, which no dead-letter exchange takes"
        reason = f"{why}: let it drain first"
        assert held_back == (reason if is_held_back and count else None)
