"""What the spec says should be there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from proca_topo.topology.existing import Scope
from proca_topo.topology.nouns import Binding, Exchange, Kind, Noun, Policy, Queue, kind_of
from proca_topo.topology.ownership import Ownership
from proca_topo.topology.protection import NOTHING_PROTECTED, Protection
from proca_topo.topology.route_contracts import RouteContract


@dataclass(frozen=True, kw_only=True)
class Desired:
    """The topology that the spec describes, expanded for every org (or for the orgs in `scope` only).

    `orgs` tells for each kind which org an object is for: by name, for bindings by the binding itself.
    What is shared by all orgs is not in it.

    `renames` maps the name of a queue to the one it had before: the queue of that name on the broker, if there is
    one, is to become this one, with its messages and bindings.

    `waiting` are the queues in which a retry circuit's messages wait, those that all orgs share in any case.
    `returning` are the exchanges that bring them back and that are declared for nothing else.

    `key_shapes` are the words of an exchange's routing keys, where the spec says them: a word that stands for any,
    or alternatives like `a|b`.

    `routes` are the contracts of messages' ways, where they were asked for.

    `gone` is the part of the `scope` in which the orgs live that were asked for by name and have no file any more.
    """

    ownership: Ownership
    protected: Protection = NOTHING_PROTECTED
    vhost: str | None = None
    cluster: str | None = None
    exchanges: Mapping[str, Exchange] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    bindings: frozenset[Binding] = frozenset()
    policies: Mapping[str, Policy] = field(default_factory=dict)
    renames: Mapping[str, str] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    returning: frozenset[str] = frozenset()
    key_shapes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    orgs: Mapping[Kind, Mapping[str | Binding, str]] = field(default_factory=dict)
    routes: tuple[RouteContract, ...] = ()
    scope: Scope | None = None
    gone: Scope | None = None

    def org_of(self, noun: Noun) -> str | None:
        """The org that an object is for: as declared, otherwise as its owned name tells; None if it is shared."""
        key = noun if isinstance(noun, Binding) else noun.name
        declared = self.orgs.get(kind_of(noun), {}).get(key)
        if declared is not None:
            return declared
        return self.ownership.org_of(noun)

    def routes_of(self, orgs: Collection[str] | None) -> tuple[RouteContract, ...]:
        """The contracts of what is shared and of these orgs; None stands for all orgs."""
        if orgs is None:
            return self.routes
        return tuple(contract for contract in self.routes if contract.org is None or contract.org in orgs)
