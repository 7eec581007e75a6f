"""A part of the spec (the shared one, the org template, one org's extras) as nouns."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, assert_never

from proca_topo.spec.problems import Where
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, Exchange, Kind, Noun, Policy, Queue
from proca_topo.topology.route_contracts import After

N_co = TypeVar("N_co", bound=Noun, covariant=True)

# All of these must have an option that is switched on; nothing means always.
Needs = tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared(Generic[N_co]):
    """A noun, where it is declared, and which options it takes. In the template its texts hold placeholders."""

    noun: N_co
    where: Where
    needs: Needs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """A retry circuit by the names it is made of."""

    fail: str
    wait: str
    return_: str
    where: Where
    needs: Needs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rename:
    """A queue that is on the broker under its old name. `where` is where the old name stands."""

    new: str
    old: str
    where: Where
    needs: Needs = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A route contract. `reaches` are the queues, each with the options it is reached with."""

    exchange: str
    routing_key: str
    headers: Arguments
    reaches: tuple[tuple[str, Needs], ...]
    after: After | None
    name: str | None
    where: Where
    needs: Needs = ()


@dataclass(slots=True, kw_only=True)
class Section:
    """What one part of the spec declares. `renames` are by the new name."""

    exchanges: dict[str, Declared[Exchange]] = field(default_factory=dict)
    queues: dict[str, Declared[Queue]] = field(default_factory=dict)
    bindings: dict[Binding, Declared[Binding]] = field(default_factory=dict)
    policies: dict[str, Declared[Policy]] = field(default_factory=dict)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    renames: dict[str, Rename] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)

    def table(self, kind: Kind) -> dict[Any, Any]:
        """What is declared of one kind, by name (bindings by themselves)."""
        match kind:
            case Kind.EXCHANGE:
                return self.exchanges
            case Kind.QUEUE:
                return self.queues
            case Kind.BINDING:
                return self.bindings
            case Kind.POLICY:
                return self.policies
            case _:
                assert_never(kind)

    def returning(self) -> Iterator[str]:
        """The return exchanges that nothing but circuits declares."""
        for circuit in self.circuits.values():
            declared = self.exchanges.get(circuit.return_)
            # What is declared under `exchanges` has a place there.
            if declared is not None and "exchanges" not in declared.where.path[:-1]:
                yield circuit.return_

    def everything(self) -> Iterator[Declared[Noun]]:
        """All of it, exchanges first."""
        yield from self.exchanges.values()
        yield from self.queues.values()
        yield from self.bindings.values()
        yield from self.policies.values()


def are_met(needs: Needs, on: frozenset[str]) -> bool:
    """Whether what needs these is there for an org that has switched on `on`."""
    return all(not options.isdisjoint(on) for options in needs)


def implies(stronger: Needs, weaker: Needs) -> bool:
    """Whether what needs `weaker` is always there when what needs `stronger` is."""
    return all(any(mine <= theirs for mine in stronger) for theirs in weaker)
