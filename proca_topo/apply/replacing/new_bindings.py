"""The bindings that the spec wants for the new queue and that are not there: which of them RabbitMQ refuses, and
which of those a replacement can go on without.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from proca_topo.apply.replacing.trials import HinderedError, forget, try_to_declare
from proca_topo.broker.protocol import Broker, Mover
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.policies.federation import why_not_replaced
from proca_topo.topology.catch_all import can_catch
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce

_FANOUT: Final = "fanout"
_LETTERS: Final = "dead-letter-exchange"


def try_new_bindings(
    bindings: Collection[Binding], name: str, there: Existing, broker: Broker, mover: Mover
) -> None:
    """Raises HinderedError if RabbitMQ refuses one of them to this user.

    They are tried with an exchange of this name that leads nowhere. A queue would take what nobody else gets: that
    goes back to its publisher if it is mandatory, and this way it still does.
    """
    exchanges = mover.observe([], {name, *(binding.source for binding in bindings)}).exchanges
    if name in exchanges:
        # A run that was killed here has left it.
        forget([exchanges[name]], there, broker)
    harmless = _harmless(exchanges.values(), mover)
    tried: dict[Noun, Binding] = {
        replace(binding, destination=name, destination_type=DestinationType.EXCHANGE): binding
        for binding in bindings
        if binding.source in harmless
    }
    if not tried:
        return
    trial = Exchange(name=name, type=_FANOUT)
    try_to_declare(broker, there.vhost, [trial], what="an exchange to try its new bindings with")
    try:
        for failure in broker.declare(there.vhost, [*tried], lambda _: None):
            binding = shown(tried[failure.noun].name)
            raise HinderedError(f"its new binding {binding} could not be declared: {failure.reason}")
    finally:
        forget([trial], there, broker)


def is_way_back(binding: Binding, wanted: Queue, existing: Existing) -> bool:
    """Whether dead letters may come by this binding: without it those of the new queue might be lost."""
    index = ExistingIndex(existing)
    letters = {*index.dead_lettering_to, wanted.dead_letter_exchange}
    letters |= {policy.definition.get(_LETTERS) for policy in existing.policies.values()}
    return not letters.isdisjoint(index.leading_to(binding.source))


def _harmless(exchanges: Collection[Exchange], mover: Mover) -> frozenset[str]:
    """The exchanges that one more binding, which leads nowhere, takes nothing from.

    One of a plugin's type may give each message to one of its bindings alone, an alternate exchange gets only what
    matches none, an auto-delete exchange goes with its last one, and a federated one binds on its upstream too.
    """
    policies = mover.policies()
    in_force = PoliciesInForce(policies)
    return frozenset(
        exchange.name
        for exchange in exchanges
        if can_catch(exchange)
        and not exchange.auto_delete
        and not in_force.alternates(exchange)
        and why_not_replaced(exchange, policies) is None
    )
