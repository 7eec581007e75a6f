"""The protocol of a replacement: which step comes next, from nothing but what the broker shows.

A replacement that was interrupted, at any point and by anything, is therefore finished by asking again.

| phase    | is recognised by                  | what is safe in it                                           |
|----------|-----------------------------------|--------------------------------------------------------------|
| draining | a holding queue exists, no `back` | every route leads to the old queue, to `arriving` or to both |
| filling  | the exchange `back` exists        | every route leads to `arriving`, to the new queue or to both |

A message is in a second queue before it leaves the first, so that at worst it is there twice. The order of what
was waiting stays: `parked` is older than `arriving`, and nothing is routed to the new queue before both were moved
there. What is rejected from the new queue comes back by bindings that the old one may not have had: they lead to
`arriving` before the new queue exists.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding


class Step(StrEnum):
    """The steps, by the names that progress, errors and tests use. Doing one twice does no harm."""

    DECLARE_PARKED = "declare the holding queue for what waits"
    DECLARE_ARRIVING = "declare the holding queue for what arrives"
    BIND_ARRIVING = "bind the holding queue wherever the old queue is bound"
    UNBIND_OLD = "unbind the old queue"
    PARK = "move what waits to the holding queue, and delete the old queue"
    MARK_OLD_GONE = "note that the old queue is gone"
    BIND_WANTED = "bind the holding queue wherever the spec wants the new queue bound"
    DECLARE_NEW = "declare the new queue"
    OPEN_WAY_BACK = "bind the way back to the new queue"
    RETURN_PARKED = "move back what waited"
    CATCH_UP = "move back what has arrived so far"
    BIND_NEW = "bind the new queue wherever the holding queue is bound"
    UNBIND_ARRIVING = "unbind the holding queue"
    RETURN_ARRIVED = "move back what arrived since"
    CLOSE_WAY_BACK = "unbind the way back"
    DELETE_PARKED_EXCHANGE = "delete the private exchange"
    FORGET = "delete the note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A binding without its destination: what leads to a queue."""

    source: str
    routing_key: str
    arguments: Arguments


Routes = frozenset[Route]
NO_ROUTES: Final[Routes] = frozenset()


def routes_of(bindings: Iterable[Binding]) -> Routes:
    """What these bindings let through, wherever they lead."""
    return frozenset(
        Route(source=binding.source, routing_key=binding.routing_key, arguments=binding.arguments)
        for binding in bindings
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """How far a replacement is, as the broker shows it.

    `old` and `new` are whether the queue that is replaced and the one that it becomes exist: the same one unless
    it is renamed. The `to_…` are the routes to each queue, and `wanted` those that the spec wants for the new one.
    `marked` says that the exchange `back` exists.
    `caught_up` is the only thing that is not on the broker: whether this run has moved once what had arrived.
    """

    old: bool
    new: bool
    parked: bool
    parked_exchange: bool
    parked_is_bound: bool
    arriving: bool
    marked: bool
    way_back: bool
    to_old: Routes = NO_ROUTES
    to_arriving: Routes = NO_ROUTES
    to_new: Routes = NO_ROUTES
    wanted: Routes = NO_ROUTES
    caught_up: bool = False


class Role(StrEnum):
    """The queues that a replacement fills."""

    PARKED = "parked"
    ARRIVING = "arriving"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Rule:
    """A step, and when it is the one to do, if none before it is.

    From then on the queue that it `relies_on` may be the only one with some messages: by then it must be one that
    RabbitMQ does not forget (see `young`).
    """

    step: Step
    applies: Callable[[Situation], bool]
    relies_on: Role | None = None


PROTOCOL: Final[Sequence[Rule]] = (
    # Draining. It begins with the holding queues; whoever sees one knows that a replacement is under way.
    Rule(Step.DECLARE_PARKED, lambda s: not s.marked and not s.parked_is_bound),
    Rule(Step.DECLARE_ARRIVING, lambda s: not s.marked and not s.arriving),
    # What comes from here on until the old queue is unbound comes twice, so nothing is waited for in between.
    Rule(Step.BIND_ARRIVING, lambda s: not s.marked and s.old and bool(s.to_old - s.to_arriving), Role.ARRIVING),
    Rule(Step.UNBIND_OLD, lambda s: not s.marked and s.old and bool(s.to_old)),
    Rule(Step.PARK, lambda s: not s.marked and s.old, Role.PARKED),
    Rule(Step.MARK_OLD_GONE, lambda s: not s.marked),
    # Filling. The new queue is never there without the way back of its dead letters, whatever the next run wants.
    Rule(Step.BIND_WANTED, lambda s: s.arriving and bool(s.wanted - s.to_arriving - s.to_new)),
    Rule(Step.DECLARE_NEW, lambda s: not s.new),
    Rule(Step.OPEN_WAY_BACK, lambda s: (s.parked or s.arriving) and not s.way_back),
    Rule(Step.RETURN_PARKED, lambda s: s.parked, Role.NEW),
    Rule(Step.CATCH_UP, lambda s: s.arriving and not s.caught_up and bool(s.to_arriving - s.to_new)),
    Rule(Step.BIND_NEW, lambda s: s.arriving and bool(s.to_arriving - s.to_new)),
    Rule(Step.UNBIND_ARRIVING, lambda s: s.arriving and bool(s.to_arriving)),
    Rule(Step.RETURN_ARRIVED, lambda s: s.arriving),
    # Clearing away: the note goes last, since without it a holding queue would mean that the old queue is there.
    Rule(Step.CLOSE_WAY_BACK, lambda s: s.way_back),
    Rule(Step.DELETE_PARKED_EXCHANGE, lambda s: s.parked_exchange),
    Rule(Step.FORGET, lambda s: s.marked),
)


def relied_on(step: Step, protocol: Sequence[Rule] = PROTOCOL) -> Role | None:
    """The queue that may be the only one with some messages from this step on; None if it is no new one."""
    return next((rule.relies_on for rule in protocol if rule.step is step), None)


def next_step(situation: Situation, protocol: Sequence[Rule] = PROTOCOL) -> Step | None:
    """The step to do now; None once nothing is left to do."""
    if is_finished(situation):
        return None
    return next((rule.step for rule in protocol if rule.applies(situation)), None)


def is_begun(situation: Situation) -> bool:
    """Whether anything of a replacement is on the broker."""
    return situation.parked or situation.parked_exchange or situation.arriving or situation.marked


def is_finished(situation: Situation) -> bool:
    """Whether nothing of a replacement is left: asked once it has begun."""
    return not is_begun(situation)
