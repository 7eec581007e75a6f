"""A queue is not replaced by one that drops what expires, while anything waits in it that would not be dropped."""

from dataclasses import replace
from typing import Any

import pytest

from proca_topo.plan.changes import Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.plan.replacing.capacity import capacity_of
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Policy
from tests.plan.circuit_world import desired, existing, queue

BY_POLICY = Policy(name="policy", pattern="^work$", definition=Arguments.of({"dead-letter-exchange": "fail"}))

# What Python may not read as RabbitMQ does, so that it may be in force or not.
UNCERTAIN = replace(BY_POLICY, pattern="(?i)^WORK$")
EXPIRING = replace(BY_POLICY, definition=Arguments.of({"message-ttl": 5}))

REASON = "the message-ttl 5 would drop 7 messages in it, which no dead-letter exchange takes: let it drain first"


@pytest.mark.parametrize(
    ("after", "policies", "is_held_back"),
    [
        ({"message_ttl": 5}, (), True),
        ({"message_ttl": 5}, (BY_POLICY,), False),
        ({"message_ttl": 5}, (UNCERTAIN,), True),
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
        assert held_back == (REASON if is_held_back and count else None)


@pytest.mark.parametrize(
    ("before", "after", "policies", "is_held_back"),
    [
        ({}, {"message_ttl": 5}, (), True),
        ({"message_ttl": 6}, {"message_ttl": 5}, (), True),
        ({"message_ttl": 4}, {"message_ttl": 5}, (), False),
        ({"message_ttl": 5}, {"message_ttl": 5, "max_priority": 5}, (), False),
        ({}, {"message_ttl": 5, "dead_letter_exchange": "fail"}, (), False),
        ({}, {"message_ttl": 5}, (BY_POLICY,), False),
        ({}, {"message_ttl": 5}, (UNCERTAIN,), True),
        ({}, {"max_priority": 5}, (EXPIRING,), True),
        ({"message_ttl": 4}, {"message_ttl": 4, "max_priority": 5}, (EXPIRING,), False),
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
        assert held_back == (REASON if is_held_back and count else None)


def test_what_expires_by_a_policy_that_takes_it_on_as_well_is_not_dropped() -> None:
    """Whether that policy is in force or not."""
    both = replace(BY_POLICY, definition=Arguments.of({"message-ttl": 5, "dead-letter-exchange": "fail"}))
    assert capacity_of(queue("work"), (both, None)).drops is None
    assert capacity_of(queue("work", message_ttl=6), (both, None)).drops == 6
