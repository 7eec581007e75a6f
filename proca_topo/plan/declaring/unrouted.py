"""New exchanges of an org that would drop what is published to them, since a way on from them is held back.

A publisher is told that an exchange is not there, and not that nothing is bound to it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from proca_topo.plan.changes import Change, Declare
from proca_topo.plan.declaring.dropped import dead_letter_carriers
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange
from proca_topo.topology.policies_in_force import PoliciesInForce


def declared_with_ways_on(changes: Sequence[Change], existing: Existing, desired: Desired) -> list[Change]:
    """The changes of a plan for single orgs, such exchanges held back, and with them their bindings.

    Not those with an alternate exchange, which takes it, and none that dead letters pass through: without it these
    would be dropped as well.
    """
    if desired.scope is None:
        return [*changes]
    policies = PoliciesInForce({**existing.policies, **desired.policies}.values())
    carriers = dead_letter_carriers(existing, desired)
    new = {
        change.noun.name
        for change in changes
        if isinstance(change, Declare)
        and isinstance(change.noun, Exchange)
        and change.noun.name not in carriers
        and not policies.alternates(change.noun)
    }
    result = [*changes]
    while True:
        lacking = {
            change.noun.source: change.noun
            for change in result
            if isinstance(change.noun, Binding) and change.noun.source in new and change.held_back is not None
        }
        judged = [_judged(change, lacking) for change in result]
        if judged == result:
            return result
        result = judged


def _judged(change: Change, lacking: Mapping[str, Binding]) -> Change:
    if change.held_back is not None:
        return change
    match change.noun:
        case Exchange(name=name) if name in lacking:
            way = shown(lacking[name].name)
            return replace(change, held_back=f"what is published to it would be dropped: {way} is held back")
        case Binding() as binding if (end := _end_in(binding, lacking)) is not None:
            return replace(change, held_back=f"its exchange {shown(end)} is held back")
        case _:
            return change


def _end_in(binding: Binding, names: Collection[str]) -> str | None:
    """The end of a binding that is one of these exchanges."""
    if binding.source in names:
        return binding.source
    is_between = binding.destination_type is DestinationType.EXCHANGE
    return binding.destination if is_between and binding.destination in names else None
