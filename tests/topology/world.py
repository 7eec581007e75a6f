"""A topology that a test has made up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from proca_topo.topology.nouns import Binding, Exchange, Policy, Queue


@dataclass(frozen=True, kw_only=True)
class World:
    """What routes messages, as a spec and a broker both do."""

    exchanges: Mapping[str, Exchange]
    queues: Mapping[str, Queue]
    bindings: frozenset[Binding]
    policies: Mapping[str, Policy] = field(default_factory=dict)
