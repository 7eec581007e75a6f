"""What expires in a queue that is replaced, and is dead-lettered no more."""

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import messages
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Queue
from proca_topo.topology.policies_in_force import time_to_live


def why_expiring_is_loss(before: Queue, after: Queue, *, now: ExistingIndex, then: ExistingIndex) -> str | None:
    """Why what waits in a queue would be dropped by the new one, `then`; None if it would not for certain.

    What a new queue without a time to live has is there for its consumers: whether it rejects is theirs to decide.
    """
    waiting = now.existing.activity.get(before.name, Activity()).messages
    expires = any(time_to_live(after, policy) is not None for policy in then.policies.possible(after))
    leads_now, leads_then = now.policies.dead_letters(before), then.policies.dead_letters(after)
    if not waiting or not expires or None in leads_now or None not in leads_then:
        return None
    return f"{messages(waiting)} in it would be dropped, not dead-lettered, when they expire: let it drain first"
