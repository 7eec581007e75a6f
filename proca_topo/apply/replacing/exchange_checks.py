"""What is found out before the replacement of an exchange changes anything, and before the exchange is deleted."""

from dataclasses import replace

from proca_topo.apply.replacing.trials import HinderedError, check_rights, forget, try_to_declare
from proca_topo.broker.protocol import Around, Broker, Mover, Swap
from proca_topo.errors import BrokerError
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import messages
from proca_topo.plan.policies.federation import why_not_replaced
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Exchange, Noun, Policy


def check_exchange(
    replaced: ReplacedExchange, catching: Policy, around: Around, broker: Broker, mover: Mover
) -> None:
    """Raises HinderedError if this replacement would not come to its end.

    What it tries leaves nothing behind: it declares again what is there, and an exchange like the new one with a
    policy like the one that it will need, which it swaps and deletes.
    """
    name, there = replaced.was.name, around.existing
    if (reason := why_not_replaced(replaced.was, mover.policies())) is not None:
        raise HinderedError(reason)
    bindings = [b for b in there.bindings if name in (b.source, b.destination)]
    check_rights(mover, there.vhost, name, replaced.holding.shadow, task="puts the new exchange in its place")
    try_to_declare(broker, there.vhost, [there.exchanges[name]], what="it")
    try_to_declare(broker, there.vhost, bindings, what="its binding")
    trial = replace(replaced.becomes, name=replaced.holding.trial)
    policy = replaced.catching(None, catching.priority, name=trial.name)
    # The policy first: whoever may not set it may not delete it either. A run that was killed may have left both.
    try_to_declare(broker, there.vhost, [policy], what="the policy that keeps messages meanwhile")
    tried: list[Noun] = [trial, policy]
    forget([trial], there, broker)
    try:
        try_to_declare(broker, there.vhost, [trial], what="the new exchange")
        mover.swap(Swap(before=trial, after=trial, then_bind=()))
    except BrokerError as error:
        raise HinderedError(str(error)) from error
    finally:
        forget(tried, there, broker)


def check_letters(exchange: Exchange, existing: Existing, broker: Broker) -> None:
    """Raises BrokerError if dead letters may come to this exchange in the moment in which it does not exist."""
    queues = ExistingIndex(existing).dead_lettering_to.get(exchange.name, ())
    for queue, activity in sorted(broker.look(existing.vhost, queues).items() if queues else ()):
        if said := _says(activity):
            raise BrokerError(
                f"{shown(queue)} has {said} by now, and its dead letters would be lost in the moment in which"
                f" {shown(exchange.name)} does not exist: stop its consumers and let it drain, and apply again"
            )


def _says(activity: Activity) -> str:
    if not activity.counted:
        return "messages in it that cannot be counted"
    if activity.messages:
        return f"{messages(activity.messages)} in it"
    return "consumers on it" if activity.consumers else ""
