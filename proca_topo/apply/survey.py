"""Reading what exists, as far as a plan needs it."""

from collections.abc import Collection
from dataclasses import replace

from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Replace, Replacing
from proca_topo.plan.policy_effects import may_cost
from proca_topo.plan.replacing import QueueReplacements
from proca_topo.plan.undesired import endangered, undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing


def read_existing(
    broker: Broker,
    vhost: str,
    desired: Desired,
    *,
    with_prune: bool,
    replacing: Replacing = Replacing.FINISHING,
    already: Existing | None = None,
) -> Existing:
    """The vhost, or the part of it that `desired` is about, as it is now.

    The queues in danger of a prune, or of a policy that changes, and those that are to be replaced are looked at
    more closely, consumers too; no others, since looking takes a request a queue. `already` is a reading made a
    moment ago.
    """
    existing = broker.read(vhost, desired.scope) if already is None else already
    replaced = _to_replace(existing, desired, replacing)
    if desired.scope is not None and (replaced or (with_prune and undesired(existing, desired))):
        # Who may still send dead letters to a queue, or by a binding, can be anywhere in the vhost.
        existing = broker.read(vhost)
    names = {
        *replaced,
        *may_cost(existing, desired, with_prune=with_prune),
        *(endangered(existing, desired) if with_prune else _uncounted(existing, desired)),
    }
    if names and existing.activity:
        existing = replace(existing, activity={**existing.activity, **broker.look(vhost, names)})
    if replacing is Replacing.DISCONNECTING and (mover := broker.mover(vhost)) is not None:
        consumed = [name for name in replaced if (existing.activity.get(name) or Activity()).consumers]
        clients = {name: tuple(client.text for client in mover.clients(name)) for name in consumed}
        existing = replace(existing, clients=clients)
    return existing


def _to_replace(existing: Existing, desired: Desired, replacing: Replacing) -> Collection[str]:
    """The queues that are to be replaced now, and are still there."""
    changes = QueueReplacements(existing=existing, desired=desired, replacing=replacing).changes.values()
    begun = [change.replaced.was.name for change in changes if change.replaced and _goes_on(change, replacing)]
    return [name for name in begun if name in existing.queues]


def _goes_on(change: Replace, replacing: Replacing) -> bool:
    if replacing is Replacing.FORBIDDEN:
        return False
    return change.unfinished is not None or replacing is not Replacing.FINISHING


def _uncounted(existing: Existing, desired: Desired) -> Collection[str]:
    uncounted = {name for name, activity in existing.activity.items() if not activity.counted}
    # Only streams are; without any, what is undesired need not be searched for.
    return uncounted & {queue.name for queue in undesired(existing, desired).queues} if uncounted else ()
