"""The spec as a picture of it shows it: what all share, and one org over it, or the template as it stands."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import TopologyFile
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, Exchange, Kind, Noun, Policy, Queue, kind_of

TEMPLATE: Final = "{org}"
"""What the template's objects are for, as if it were the name of an org."""


def outline(topology: TopologyFile) -> Desired:
    """What all orgs share and the template, its placeholders as they stand and every option switched on."""
    sections = (topology.shared, topology.template)
    everything = [declared.noun for section in sections for declared in section.everything()]
    of_template = (declared.noun for declared in topology.template.everything())
    orgs: dict[Kind, dict[str | Binding, str]] = {kind: {} for kind in Kind}
    for noun in of_template:
        orgs[kind_of(noun)][noun if isinstance(noun, Binding) else noun.name] = TEMPLATE
    return replace(_desired(topology, everything), orgs=orgs)


def with_shared(topology: TopologyFile, org: str) -> Desired:
    """What all share, and what this org has. Raises SpecError as `load_desired` does."""
    own = load_desired(topology, orgs=[org])
    nouns: list[Noun] = [declared.noun for declared in topology.shared.everything()]
    nouns += [*own.exchanges.values(), *own.queues.values(), *own.bindings, *own.policies.values()]
    return replace(_desired(topology, nouns), orgs=own.orgs)


def _desired(topology: TopologyFile, nouns: Iterable[Noun]) -> Desired:
    everything = list(nouns)
    return Desired(
        ownership=topology.owned.names,
        vhost=topology.vhost,
        exchanges={one.name: one for one in everything if isinstance(one, Exchange)},
        queues={one.name: one for one in everything if isinstance(one, Queue)},
        bindings=frozenset(one for one in everything if isinstance(one, Binding)),
        policies={one.name: one for one in everything if isinstance(one, Policy)},
        key_shapes=topology.routing_keys,
    )
