"""Reading what exists, as far as a plan needs it."""

from collections.abc import Collection
from dataclasses import replace

from proca_topo.broker.protocol import Broker
from proca_topo.plan.policy_effects import may_cost
from proca_topo.plan.undesired import endangered, undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing


def read_existing(
    broker: Broker, vhost: str, desired: Desired, *, with_prune: bool, already: Existing | None = None
) -> Existing:
    """The vhost, or the part of it that `desired` is about, as it is now.

    The queues in danger of a prune, or of a policy that changes, are looked at more closely, consumers too; no
    others, since looking takes a request a queue. `already` is a reading made a moment ago.
    """
    existing = broker.read(vhost, desired.scope) if already is None else already
    if with_prune and desired.scope is not None and undesired(existing, desired):
        # Who may still send dead letters to a queue, or by a binding, can be anywhere in the vhost.
        existing = broker.read(vhost)
    names = {
        *may_cost(existing, desired, with_prune=with_prune),
        *(endangered(existing, desired) if with_prune else _uncounted(existing, desired)),
    }
    if names and existing.activity:
        return replace(existing, activity={**existing.activity, **broker.look(vhost, names)})
    return existing


def _uncounted(existing: Existing, desired: Desired) -> Collection[str]:
    uncounted = {name for name, activity in existing.activity.items() if not activity.counted}
    # Only streams are; without any, what is undesired need not be searched for.
    return uncounted & {queue.name for queue in undesired(existing, desired).queues} if uncounted else ()
