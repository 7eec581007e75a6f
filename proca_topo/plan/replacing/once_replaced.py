"""The vhost as it will be when the replacements of a plan are through: a prune comes after them."""

from collections.abc import Iterable
from dataclasses import replace

from proca_topo.plan.changes import Change, Replace
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Binding, DestinationType, Queue


def once_replaced(existing: Existing, changes: Iterable[Change]) -> Existing:
    """With the queues that get another name, and those whose replacement was begun, where apply makes that.

    Each has the bindings and the messages of what stands in for it until then.
    """
    stands_in: dict[str, str] = {}
    queues, activity = dict(existing.queues), dict(existing.activity)
    for change in changes:
        if not isinstance(change, Replace) or change.held_back is not None or not isinstance(change.noun, Queue):
            continue
        name = change.noun.name
        before = _stand_ins(name, change)
        stands_in |= dict.fromkeys(before, name)
        if before:
            counts = [activity.pop(queue, Activity()) for queue in before]
            for queue in before:
                queues.pop(queue, None)
            queues[name] = change.noun
            if existing.activity:
                activity[name] = _together([activity.get(name, Activity()), *counts])
    if not stands_in:
        return existing
    bindings = {_moved(binding, stands_in): keys for binding, keys in existing.bindings.items()}
    return replace(existing, queues=queues, bindings=bindings, activity=activity)


def _stand_ins(name: str, change: Replace) -> list[str]:
    """The queues that will be gone, and that what leads to the new one leads to until then."""
    if not isinstance(change.replaced, Replaced):
        return []
    holding = change.replaced.holding.queues if change.unfinished is not None else ()
    return [queue for queue in (change.replaced.was.name, *holding) if queue != name]


def _together(counts: list[Activity]) -> Activity:
    return replace(
        counts[0],
        ready=sum(one.ready for one in counts),
        unacknowledged=sum(one.unacknowledged for one in counts),
        dead=sum(one.dead for one in counts),
        counted=all(one.counted for one in counts),
    )


def _moved(binding: Binding, stands_in: dict[str, str]) -> Binding:
    if binding.destination_type is DestinationType.QUEUE and binding.destination in stands_in:
        return replace(binding, destination=stands_in[binding.destination])
    return binding
