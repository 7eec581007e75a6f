"""What is found out before the replacement of an exchange changes anything, and before the exchange is deleted."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from proca_topo.apply.replacing.checks import HinderedError
from proca_topo.broker.protocol import Around, Broker, Mover, Swap
from proca_topo.errors import BrokerError
from proca_topo.plan.busy import messages
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy


def check_exchange(
    replaced: ReplacedExchange, catching: Policy, around: Around, broker: Broker, mover: Mover
) -> None:
    """Raises HinderedError if this replacement would not come to its end.

    What it tries leaves nothing behind: it declares again what is there, and an exchange like the new one with a
    policy like the one that it will need, which it swaps and deletes.
    """
    name, there = replaced.was.name, around.existing
    bindings = [b for b in there.bindings if name in (b.source, b.destination)]
    # A permission that is missing shows now, and not when the old exchange is gone.
    _check_rights(mover, there.vhost, name, replaced.holding.shadow)
    _try(broker, there.vhost, [there.exchanges[name]], what="it")
    _try(broker, there.vhost, bindings, what="its binding")
    trial = replace(replaced.becomes, name=replaced.holding.trial)
    policy = replaced.catching(None, catching.priority, name=trial.name)
    # The policy first: whoever may not set it may not delete it either. A run that was killed may have left both.
    _try(broker, there.vhost, [policy], what="the policy that keeps messages meanwhile")
    tried: list[Noun] = [trial, policy]
    _forget([trial], there, broker)
    try:
        _try(broker, there.vhost, [trial], what="the new exchange")
        mover.swap(Swap(before=trial, after=trial, then_bind=()))
    except BrokerError as error:
        raise HinderedError(str(error)) from error
    finally:
        _forget(tried, there, broker)


def _check_rights(mover: Mover, vhost: str, exchange: str, shadow: str) -> None:
    """The exchange is swapped by the AMQP user, who may be another than the one who does the rest."""
    if lacking := mover.lacking(exchange, shadow):
        user = shown(mover.user or "")
        raise HinderedError(
            f"the AMQP user {user!r}, who puts the new exchange in its place, may not {', '.join(lacking)}: let an"
            f" administrator give that with `rabbitmqctl set_permissions -p {shlex.quote(shown(vhost))}"
            f" {shlex.quote(user)} CONFIGURE WRITE READ`, three regular expressions for names"
        )


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
    if activity.messages:
        return f"{messages(activity.messages)} in it"
    return "consumers on it" if activity.consumers else ""


def _try(broker: Broker, vhost: str, nouns: Sequence[Noun], *, what: str) -> None:
    for failure in broker.declare(vhost, nouns, lambda _: None):
        name = f" {shown(failure.noun.name)}" if isinstance(failure.noun, Binding) else ""
        raise HinderedError(f"{what}{name} could not be declared anew: {failure.reason}")


def _forget(nouns: Sequence[Noun], existing: Existing, broker: Broker) -> None:
    for failure in broker.delete(existing, nouns, lambda _: None):
        raise HinderedError(
            f"{shown(failure.noun.name)}, which was only a trial, cannot be deleted: {failure.reason}"
        )
