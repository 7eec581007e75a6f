"""Messages that may come to a queue by its name, in the moment in which a replacement leaves none of that name."""

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import messages
from proca_topo.topology.existing import Activity
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Queue

_DEFAULT_EXCHANGE = ""


def why_returning_is_loss(before: Queue, index: ExistingIndex) -> str | None:
    """Which queue's messages may be lost by that, as they dead-letter to this name; None if there are none."""
    for name, _ in index.dead_lettering_with(_DEFAULT_EXCHANGE, before.name):
        count = index.existing.activity.get(name, Activity()).messages
        if count and name != before.name:
            return (
                f"{messages(count)} in {shown(name)} may come to it by its name, through the default exchange, in"
                " the moment in which it does not exist: wait until they have"
            )
    return None
