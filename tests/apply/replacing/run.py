"""A run of a replacement against the model: look, ask for the next step, do it one operation at a time."""

from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple

from proca_topo.apply.replacing.steps import Route, Routes, Rule, Situation, is_begun, next_step, relied_on
from proca_topo.topology.arguments import NO_ARGUMENTS
from tests.apply.replacing.atoms import (
    ATOMS,
    Atom,
    Bind,
    DeclareExchange,
    Doing,
    LetGrow,
    Move,
    NoteCaughtUp,
    Pair,
    holding_of,
)
from tests.apply.replacing.vhost import IN, Binding, RefusedByBroker, Vhost

OLD: Final = "v1"
"""The definition that the application still declares."""

WORK: Final = "work"
RENAMED: Final = "renamed"


RETRIED: Final = " retried"
"""How a definition ends whose dead letters come back, by a key that tells the queue's name."""


class Spec(NamedTuple):
    """What the spec wants: one queue, by name and definition, and bound so that its dead letters come back."""

    name: str
    definition: str

    @property
    def wanted(self) -> frozenset[str]:
        """The keys by which it is to be bound besides."""
        return frozenset({way_back_key(self.name)} if self.definition.endswith(RETRIED) else ())


def way_back_key(queue: str) -> str:
    """The key by which the dead letters of a queue come back to it."""
    return f"back.{queue}"


class Run(NamedTuple):
    """A process: the spec that it has read, what is left of its step, and what it remembers.

    Before it replaces anything it has `declared` the bindings to a queue that is there.
    """

    spec: Spec
    atoms: tuple[Atom, ...] = ()
    declared: bool = False
    caught_up: bool = False

    @property
    def copies(self) -> bool:
        """Whether a message is in two queues because it is being moved."""
        return bool(self.atoms) and isinstance(self.atoms[0], Move) and self.atoms[0].is_published

    @property
    def is_catching_up(self) -> bool:
        """Whether what arrives now may be overtaken: it came after the run counted what had arrived."""
        return self.caught_up or NoteCaughtUp() in self.atoms

    @property
    def takes_old_for_gone(self) -> bool:
        """Whether it has seen that the old queue is gone, and is about to write that down."""
        return any(isinstance(atom, DeclareExchange) and atom.name in _BACK for atom in self.atoms)


_BACK: Final = frozenset(holding_of(name).back for name in (WORK, RENAMED))


def advance(vhost: Vhost, run: Run, protocol: Sequence[Rule], spec: Spec) -> tuple[Vhost, Run] | None:
    """The next atom of the run, or the beginning of the next run by `spec`; None once nothing is left to do.

    To look and to decide is an atom as well. What RabbitMQ refuses ends the run.
    """
    if not run.atoms:
        return _decide(vhost, run, protocol, spec)
    first, rest = run.atoms[0], run.atoms[1:]
    try:
        match first:
            case NoteCaughtUp():
                return vhost, run._replace(atoms=rest, caught_up=True)
            case Move():
                vhost, remaining = first.perform(vhost)
                return vhost, run._replace(atoms=rest if remaining is None else (remaining, *rest))
            case _:
                return first.perform(vhost), run._replace(atoms=rest)
    except RefusedByBroker:
        return vhost, Run(spec)


def unfinished(vhost: Vhost) -> Pair | None:
    """The replacement that has left something on the broker, as its names and notes tell: first that on `back`."""
    notes = dict(vhost.exchanges) | {name: queue.note for name, queue in vhost.queues}
    for was in (WORK, RENAMED):
        holding = holding_of(was)
        for name in (holding.back, holding.parked, holding.arriving):
            if name in notes:
                return Pair(was, notes[name])
    return None


def planned(vhost: Vhost, spec: Spec) -> Pair | None:
    """What a plan by this spec replaces: a queue of another name, or else one of another definition."""
    for name in (WORK, RENAMED):
        if name != spec.name and vhost.queue(name) is not None:
            return Pair(name, spec.name)
    queue = vhost.queue(spec.name)
    return Pair(spec.name, spec.name) if queue is not None and queue.definition != spec.definition else None


def observe(vhost: Vhost, pair: Pair, run: Run) -> Situation:
    """What the broker shows of this replacement, and what the run wants of it."""
    holding = holding_of(pair.was)
    return Situation(
        old=vhost.queue(pair.was) is not None,
        new=vhost.queue(pair.becomes) is not None,
        parked=vhost.queue(holding.parked) is not None,
        parked_exchange=vhost.exchange(holding.parked) is not None,
        parked_is_bound=Binding(holding.parked, "", holding.parked) in vhost.bindings,
        arriving=vhost.queue(holding.arriving) is not None,
        marked=vhost.exchange(holding.back) is not None,
        way_back=Binding(holding.back, "", pair.becomes) in vhost.bindings,
        to_old=_routes(vhost, pair.was),
        to_arriving=_routes(vhost, holding.arriving),
        to_new=_routes(vhost, pair.becomes),
        wanted=frozenset(map(_route, run.spec.wanted if run.spec.name == pair.becomes else ())),
        caught_up=run.caught_up,
    )


def _decide(vhost: Vhost, run: Run, protocol: Sequence[Rule], spec: Spec) -> tuple[Vhost, Run] | None:
    """Go on with what is begun; a run that has finished makes room for the next one, by what is wanted by then."""
    pair = unfinished(vhost)
    if pair is None and run.spec != spec:
        run = Run(spec)
    if run.spec.wanted and not run.declared:
        binds = tuple(map(Bind, _absent(vhost, run.spec, pair)))
        return vhost, run._replace(atoms=binds, declared=True)
    if pair is None:
        run = Run(spec, declared=run.declared)
        pair = planned(vhost, spec)
        if pair is None:
            return None
    elif run.spec.name == pair.was and vhost.exchange(holding_of(pair.was).back) is None:
        pair = Pair(pair.was, pair.was)  # what was to get another name keeps its own, as long as that is in time
    seen = observe(vhost, pair, run)
    if is_begun(seen):
        step = next_step(seen, protocol)
    else:
        step = next((rule.step for rule in protocol if rule.applies(seen)), None)
    if step is None:
        return vhost, Run(spec)
    # A queue that the spec does not want any more is made as it was: another replacement then takes it away.
    definition = run.spec.definition if run.spec.name == pair.becomes else OLD
    arrived = len(vhost.messages(holding_of(pair.was).arriving))
    doing = Doing(pair, definition, seen, arrived)
    role = relied_on(step, protocol)
    queue = vhost.queue(doing.name_of(role)) if role is not None else None
    waits = (LetGrow(doing.name_of(role)),) if role is not None and queue is not None and queue.is_young else ()
    return vhost, run._replace(atoms=(*waits, *ATOMS[step](doing)))


def _absent(vhost: Vhost, spec: Spec, pair: Pair | None) -> list[Binding]:
    """The wanted bindings to a queue that is there, without those of what stands in for it."""
    stand_ins = {spec.name} if pair is None else {spec.name, pair.was, holding_of(pair.was).arriving}
    bound = {binding.key for binding in vhost.bindings if binding.destination in stand_ins}
    there = vhost.queue(spec.name) is not None
    return [Binding(IN, key, spec.name) for key in sorted(spec.wanted - bound) if there]


def _routes(vhost: Vhost, queue: str) -> Routes:
    return frozenset(_route(key) for key in vhost.keys(IN, queue))


@cache
def _route(key: str) -> Route:
    return Route(source=IN, routing_key=key, arguments=NO_ARGUMENTS)
