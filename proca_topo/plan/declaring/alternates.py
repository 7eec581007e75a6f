"""Exchanges of an org whose alternate exchange, which all orgs share, is not there yet, or leads nowhere yet."""

from collections.abc import Mapping
from operator import attrgetter
from typing import Final

from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing, Scope
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import DestinationType, is_reserved

NOT_ALL: Final = "run apply without --org first"
"""What to do where a plan for single orgs leans on what it does not have."""


def without_alternate(existing: Existing, desired: Desired) -> Mapping[str, str]:
    """The exchanges of a plan for single orgs that are not to be declared yet, each with the reason.

    RabbitMQ would declare them, and drop without a word what they cannot route.
    """
    if desired.scope is None:
        return {}
    wanted = {name: one.alternate_exchange for name, one in desired.exchanges.items()}
    absent = {name: one for name, one in wanted.items() if name not in existing.exchanges and one is not None}
    unbound = _unbound(existing, desired.scope)
    held: dict[str, str] = {}
    while True:
        there = (existing.exchanges.keys() | wanted.keys()) - held.keys()
        lacking = {
            name: unbound.get(alternate) or f"its alternate exchange {shown(alternate)}"
            for name, alternate in absent.items()
            if name not in held and not is_reserved(alternate) and (alternate not in there or alternate in unbound)
        }
        if not lacking:
            return held
        held |= {
            name: f"what it cannot route would be dropped: {what} is not on the broker; {NOT_ALL}"
            for name, what in lacking.items()
        }


def _unbound(existing: Existing, scope: Scope) -> Mapping[str, str]:
    """The exchanges from which a binding for all orgs is not there, or from one behind them, and which it is."""
    bindings = sorted(scope.reference_bindings, key=attrgetter("name"))
    todo = [(one.source, one) for one in bindings if one not in existing.bindings]
    to_exchanges = [one for one in bindings if one.destination_type is DestinationType.EXCHANGE]
    found: dict[str, str] = {}
    while todo:
        name, lacking = todo.pop()
        if name in found or name not in existing.exchanges:
            continue
        found[name] = f"the binding {shown(lacking.name)} behind its alternate exchange"
        todo += [(one.source, lacking) for one in to_exchanges if one.destination == name]
    return found
