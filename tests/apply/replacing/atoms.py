"""What the steps of a replacement consist of: single operations on the broker, between which anything can happen.

Written down from what the steps say that they do, and not taken from what executes them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final, NamedTuple

from proca_topo.apply.replacing.steps import Role, Route, Situation, Step
from proca_topo.topology.holding import Holding
from tests.apply.replacing.vhost import IN, Binding, Vhost

_EVERYTHING: Final = -1
_HOLDING: Final = "holding"


@cache
def holding_of(queue: str) -> Holding:
    """The names in use; a search asks for them all the time."""
    return Holding.of(queue)


class Pair(NamedTuple):
    """The queue that is replaced, and the name that it gets."""

    was: str
    becomes: str


@dataclass(frozen=True, slots=True)
class DeclareQueue:
    """Refused where it is there with another definition."""

    name: str
    definition: str
    note: str = ""

    def perform(self, vhost: Vhost) -> Vhost:
        return vhost.declare_queue(self.name, self.definition, self.note)


@dataclass(frozen=True, slots=True)
class DeclareExchange:
    """A private fanout. Its argument says what the queue becomes."""

    name: str
    note: str

    def perform(self, vhost: Vhost) -> Vhost:
        return vhost.declare_exchange(self.name, self.note)


@dataclass(frozen=True, slots=True)
class Bind:
    """One binding."""

    binding: Binding

    def perform(self, vhost: Vhost) -> Vhost:
        return vhost.bind(self.binding)


@dataclass(frozen=True, slots=True)
class Unbind:
    """One binding."""

    binding: Binding

    def perform(self, vhost: Vhost) -> Vhost:
        return vhost.unbind(self.binding)


@dataclass(frozen=True, slots=True)
class DeleteQueue:
    """If it is empty and nothing is published to it; otherwise the next look says what to do."""

    name: str

    def perform(self, vhost: Vhost) -> Vhost:
        return vhost.delete_queue(self.name)


@dataclass(frozen=True, slots=True)
class DeleteExchange:
    """With its bindings."""

    name: str

    def perform(self, vhost: Vhost) -> Vhost:
        return vhost.delete_exchange(self.name)


@dataclass(frozen=True, slots=True)
class Move:
    """Moves the first message of a queue: publish its copy, have that confirmed, acknowledge the original.

    `left` counts the messages still to be moved, -1 for all there are. Until it is acknowledged the original stays
    at the head of the queue, where RabbitMQ puts it back if the run is killed.
    """

    source: str
    through: str
    left: int = _EVERYTHING
    is_published: bool = False
    is_confirmed: bool = False

    def perform(self, vhost: Vhost) -> tuple[Vhost, "Move | None"]:
        """What is left of the move; None once nothing is."""
        queue = vhost.queue(self.source)
        if queue is None or not queue.messages or not self.left:
            return vhost, None
        if not self.is_published:
            return vhost.publish_mandatory(self.through, queue.messages[0]), replace(self, is_published=True)
        if not self.is_confirmed:
            return vhost, replace(self, is_confirmed=True)
        left = self.left if self.left == _EVERYTHING else self.left - 1
        return vhost.without_first(self.source), Move(self.source, self.through, left)


@dataclass(frozen=True, slots=True)
class LetGrow:
    """Wait until a queue is not young any more."""

    name: str

    def perform(self, vhost: Vhost) -> Vhost:
        return vhost.grown(self.name)


@dataclass(frozen=True, slots=True)
class NoteCaughtUp:
    """The run remembers that it has caught up. Nothing of it is on the broker."""


Atom = (
    DeclareQueue | DeclareExchange | Bind | Unbind | DeleteQueue | DeleteExchange | Move | LetGrow | NoteCaughtUp
)


@dataclass(frozen=True, slots=True)
class Doing:
    """What a step is done with. `seen` is from when it was chosen, and so is `arrived`, a number of messages."""

    pair: Pair
    definition: str
    seen: Situation
    arrived: int

    @property
    def parked(self) -> str:
        return holding_of(self.pair.was).parked

    @property
    def arriving(self) -> str:
        return holding_of(self.pair.was).arriving

    @property
    def back(self) -> str:
        return holding_of(self.pair.was).back

    def name_of(self, role: Role) -> str:
        """The queue in that role."""
        return {Role.PARKED: self.parked, Role.ARRIVING: self.arriving, Role.NEW: self.pair.becomes}[role]

    @property
    def way_back(self) -> Binding:
        return Binding(self.back, "", self.pair.becomes)


def _each(kind: type[Bind] | type[Unbind], routes: Iterable[Route], queue: str) -> tuple[Atom, ...]:
    """Of routes, those that were seen and no others: one that came since has no other queue yet."""
    keys = sorted(route.routing_key for route in routes)
    return tuple(kind(Binding(IN, key, queue)) for key in keys)


ATOMS: Final[Mapping[Step, Callable[[Doing], tuple[Atom, ...]]]] = {
    Step.DECLARE_PARKED: lambda d: (
        DeclareQueue(d.parked, _HOLDING, d.pair.becomes),
        DeclareExchange(d.parked, d.pair.becomes),
        Bind(Binding(d.parked, "", d.parked)),
    ),
    Step.DECLARE_ARRIVING: lambda d: (DeclareQueue(d.arriving, _HOLDING, d.pair.becomes),),
    Step.BIND_ARRIVING: lambda d: _each(Bind, d.seen.to_old - d.seen.to_arriving, d.arriving),
    Step.UNBIND_OLD: lambda d: _each(Unbind, d.seen.to_old, d.pair.was),
    Step.PARK: lambda d: (Move(d.pair.was, d.parked), DeleteQueue(d.pair.was)),
    Step.MARK_OLD_GONE: lambda d: (DeclareExchange(d.back, d.pair.becomes),),
    Step.BIND_WANTED: lambda d: _each(Bind, d.seen.wanted - d.seen.to_arriving - d.seen.to_new, d.arriving),
    Step.DECLARE_NEW: lambda d: (DeclareQueue(d.pair.becomes, d.definition),),
    Step.OPEN_WAY_BACK: lambda d: (Bind(d.way_back),),
    Step.RETURN_PARKED: lambda d: (Move(d.parked, d.back), DeleteQueue(d.parked)),
    Step.CATCH_UP: lambda d: (Move(d.arriving, d.back, d.arrived), NoteCaughtUp()),
    Step.BIND_NEW: lambda d: _each(Bind, d.seen.to_arriving - d.seen.to_new, d.pair.becomes),
    Step.UNBIND_ARRIVING: lambda d: _each(Unbind, d.seen.to_arriving, d.arriving),
    Step.RETURN_ARRIVED: lambda d: (Move(d.arriving, d.back), DeleteQueue(d.arriving)),
    Step.CLOSE_WAY_BACK: lambda d: (Unbind(d.way_back),),
    Step.DELETE_PARKED_EXCHANGE: lambda d: (DeleteExchange(d.parked),),
    Step.FORGET: lambda d: (DeleteExchange(d.back),),
}
