"""Reading what exists, as far as a plan needs it."""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from proca_topo.apply.background import in_background
from proca_topo.broker.protocol import Broker
from proca_topo.errors import AccessError
from proca_topo.plan.changes import Replacing
from proca_topo.plan.declaring.redirecting import redirects
from proca_topo.plan.policies.effects import may_cost, reach_beyond
from proca_topo.plan.replacing.exchanges import ExchangeReplacements
from proca_topo.plan.replacing.queues import QueueReplacements
from proca_topo.plan.undesired import endangered, undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.holding import unfinished


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
    exchanges = ExchangeReplacements(existing=existing, desired=desired, replacing=replacing)
    any_replaced = bool(replaced or exchanges.changes)
    if desired.scope is not None and (
        any_replaced
        or reach_beyond(existing, desired)
        or redirects(desired.policies.values(), existing)
        or (with_prune and undesired(existing, desired))
    ):
        # Who may still send dead letters to a queue, or by a binding, can be anywhere in the vhost, and so can the
        # queues on which a policy comes into force, and what redirected messages meet.
        existing = broker.read(vhost)
        exchanges = replace(exchanges, existing=existing)
    under_changed = may_cost(existing, desired, with_prune=with_prune)
    if under_changed:
        existing = with_operators(existing, broker)
    names = {
        *replaced,
        *exchanges.letters_from,
        *under_changed,
        *(endangered(existing, desired) if with_prune else _uncounted(existing, desired)),
    }
    if names and existing.activity:
        existing = replace(existing, activity={**existing.activity, **broker.look(vhost, names)})
    if replacing is Replacing.DISCONNECTING and (mover := broker.mover(vhost)) is not None:
        consumed = [name for name in replaced if (existing.activity.get(name) or Activity()).consumers]
        clients = {name: tuple(client.text for client in mover.clients(name)) for name in consumed}
        existing = replace(existing, clients=clients)
    return existing


def read_activity(broker: Broker, vhost: str, desired: Desired) -> Existing:
    """The vhost, or the part of it that `desired` is about, its queues' consumers counted.

    Counts may be seconds late: nothing is decided by them.
    """
    counting = in_background(partial(broker.consumers, vhost))
    existing = broker.read(vhost, desired.scope)
    if desired.scope is not None and (undesired(existing, desired) or any(unfinished(existing))):
        # As for a prune: what it waits for can be anywhere in the vhost, and so can what a replacement waits for.
        existing = broker.read(vhost)
    consumers = counting.result()
    activity = dict(existing.activity)
    uncounted = [name for name in activity if not activity[name].counted and desired.ownership.owns_name(name)]
    activity.update(broker.look(vhost, uncounted) if uncounted else {})
    if consumers is not None:
        for name in existing.queues:
            here = activity.get(name, Activity())
            activity[name] = replace(here, consumers=max(here.consumers or 0, consumers.get(name, 0)))
    return replace(existing, activity=activity)


def with_operators(existing: Existing, broker: Broker) -> Existing:
    """The same with the policies of the vhost's operator; none where the user may not know them."""
    mover = broker.mover(existing.vhost)
    try:
        policies = tuple(mover.operator_policies()) if mover is not None else ()
    except AccessError:
        policies = ()  # of a mere user, whom RabbitMQ lets set no policies either
    return replace(existing, operator_policies=policies)


def look_at(broker: Broker, vhost: str, queue: str) -> Activity:
    """What goes on in one queue at this moment; nothing where it is gone."""
    return broker.look(vhost, [queue]).get(queue, Activity())


def _to_replace(existing: Existing, desired: Desired, replacing: Replacing) -> Collection[str]:
    """The queues that are to be replaced now, as far as they are still there, and what stands in for them."""
    if replacing is Replacing.FORBIDDEN:
        return ()
    replacements = QueueReplacements(existing=existing, desired=desired, replacing=replacing)
    names = [one.replaced.was.name for one in replacements.begun.values()]
    names += [
        name for target, one in replacements.begun.items() for name in (target, *one.replaced.holding.queues)
    ]
    if replacing is not Replacing.FINISHING:
        names += [name for target, queue in replacements.to_begin.items() for name in (target, queue.name)]
    return sorted({name for name in names if name in existing.queues})


def _uncounted(existing: Existing, desired: Desired) -> Collection[str]:
    uncounted = {name for name, activity in existing.activity.items() if not activity.counted}
    # Only streams are; without any, what is undesired need not be searched for.
    return uncounted & {queue.name for queue in undesired(existing, desired).queues} if uncounted else ()
