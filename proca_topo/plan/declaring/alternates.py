"""Exchanges of an org whose alternate exchange, which all orgs share, is not there yet, or leads nowhere yet."""

from collections.abc import Iterator, Mapping
from operator import attrgetter
from typing import Final

from proca_topo.topology.desired import Desired
from proca_topo.topology.exchange_holding import ALTERNATE
from proca_topo.topology.existing import Existing, Scope
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import DestinationType, Exchange, is_reserved
from proca_topo.topology.policies_in_force import PoliciesInForce

NOT_ALL: Final = "run apply without --org first"
"""What to do where a plan for single orgs leans on what it does not have."""


def without_alternate(existing: Existing, desired: Desired) -> Mapping[str, str]:
    """The exchanges of a plan for single orgs that are not to be declared yet, each with the reason.

    RabbitMQ would declare them, and drop without a word what they cannot route.
    """
    scope = desired.scope
    new = {name: one for name, one in desired.exchanges.items() if name not in existing.exchanges}
    if scope is None or not new:
        return {}
    policies = PoliciesInForce({**existing.policies, **desired.policies}.values())
    alternates = {name: sorted(policies.alternates(one)) for name, one in new.items()}
    unbound = _unbound(existing, scope)
    without = {name: one for name, one in new.items() if not alternates[name]}
    lacking = dict(_unset(without, existing, desired, scope))
    held: dict[str, str] = {}
    while True:
        held |= {
            name: f"what it cannot route would be dropped: {what} is not on the broker; {NOT_ALL}"
            for name, what in lacking.items()
        }
        there = (existing.exchanges.keys() | desired.exchanges.keys()) - held.keys()
        lacking = {
            name: unbound.get(alternate) or f"its alternate exchange {shown(alternate)}"
            for name in alternates.keys() - held.keys()
            for alternate in alternates[name]
            if not is_reserved(alternate) and (alternate not in there or alternate in unbound)
        }
        if not lacking:
            return held


def _unset(
    without: Mapping[str, Exchange], existing: Existing, desired: Desired, scope: Scope
) -> Iterator[tuple[str, str]]:
    """Those of these exchanges to which a policy for all orgs would give an alternate, and which policy."""
    of_all = {policy.name: policy for policy in scope.reference_policies}
    policies = PoliciesInForce({**existing.policies, **desired.policies, **of_all}.values())
    for name, exchange in without.items():
        for policy in policies.candidates(exchange):
            if isinstance(policy.definition.get(ALTERNATE), str):
                as_planned = " as the spec has it" if policy.name in existing.policies else ""
                yield name, f"the policy {shown(policy.name)}{as_planned}, which sets its alternate exchange,"


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
