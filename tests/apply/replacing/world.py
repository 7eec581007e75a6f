"""The vhost, a run, and everything else that happens; what must never be, and what must be in the end."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from proca_topo.apply.replacing.steps import Rule
from proca_topo.topology.nouns import OUR_PREFIX
from tests.apply.replacing.atoms import Move, holding_of
from tests.apply.replacing.run import (
    OLD,
    RENAMED,
    RETRIED,
    WORK,
    Run,
    Spec,
    advance,
    unfinished,
    way_back_key,
)
from tests.apply.replacing.vhost import IN, Binding, Queue, RefusedByBroker, Vhost

OURS: Final = "ours"
THEIRS: Final = "theirs"
FURTHER: Final = "further"


class Limits(NamedTuple):
    """How often each thing may still happen. A crash that leaves nothing behind may happen at any time."""

    arrivals: int = 0
    crashes_after_a_copy: int = 0
    declares: int = 0
    further_routes: int = 0
    consumed: int = 0
    rejected: int = 0
    broker_kills: int = 0


class World(NamedTuple):
    """`specs` are the one in force and those to come. `published` numbers the messages, which begin with 1.

    `ordered` are the messages that every later one must come after: those that waited, and those that arrived
    while there was one queue for them to go to. What arrives while routes change hands may be overtaken.
    """

    vhost: Vhost
    run: Run
    specs: tuple[Spec, ...]
    limits: Limits
    published: int
    ordered: frozenset[int]
    consumed: tuple[int, ...] = ()


def world(specs: Sequence[Spec], limits: Limits, *, waiting: int = 2) -> World:
    """Some messages wait in a queue that the application binds, and somebody else too."""
    messages = tuple(range(1, waiting + 1))
    return World(
        vhost=Vhost(
            queues=frozenset({(WORK, Queue(OLD, messages))}),
            bindings=frozenset(Binding(IN, key, WORK) for key in (OURS, THEIRS)),
            is_forgetful=limits.broker_kills > 0,
        ),
        run=Run(specs[0]),
        specs=tuple(specs),
        limits=limits,
        published=waiting,
        ordered=frozenset(messages),
    )


def advanced(now: World, protocol: Sequence[Rule]) -> World | None:
    """The run does its next atom; None if it has nothing to do."""
    after = advance(now.vhost, now.run, protocol, now.specs[0])
    return None if after is None else now._replace(vhost=after[0], run=after[1])


def events(now: World) -> Iterator[tuple[str, World]]:
    """All that others can do at this moment."""
    if now.limits.arrivals:
        # Nobody publishes to where dead letters come back by.
        ways_back = set(map(way_back_key, (WORK, RENAMED)))
        for key in sorted({b.key for b in now.vhost.bindings if b.source == IN} - ways_back | {OURS, THEIRS}):
            yield f"a message arrives by {key}", _published(now, key)
    yield from _kills(now)
    if len(now.specs) > 1:
        yield "the spec changes", now._replace(specs=now.specs[1:])
    if now.limits.declares:
        yield "the application declares its queue", _declared(now, Spec(WORK, OLD))
        yield "its next release declares its queue", _declared(now, now.specs[-1])
    if now.limits.further_routes and now.vhost.queue(WORK) is not None:
        limits = now.limits._replace(further_routes=now.limits.further_routes - 1)
        yield "somebody binds the queue once more", _bound(now._replace(limits=limits), FURTHER, WORK)
    yield from _deliveries(now)


def _deliveries(now: World) -> Iterator[tuple[str, World]]:
    for name, queue in sorted(now.vhost.queues):
        if not queue.messages or name.startswith(OUR_PREFIX) or _is_moved(now, name):
            continue
        if now.limits.consumed:
            yield "a message is consumed", _consumed(now, name, queue)
        if now.limits.rejected and queue.definition.endswith(RETRIED):
            yield "a message is rejected and comes back", _rejected(now, name, queue)


def _kills(now: World) -> Iterator[tuple[str, World]]:
    if now.run.copies and not now.limits.crashes_after_a_copy:
        return
    if now.run.atoms or now.run.caught_up:
        yield "the run is killed", _killed(now)
    if now.limits.broker_kills:
        yield "the broker is killed", _broker_killed(now)


def lost(now: World) -> list[int]:
    """The messages that are in no queue, and that nobody has consumed."""
    there = set(now.consumed).union(*(queue.messages for _, queue in now.vhost.queues))
    return [message for message in range(1, now.published + 1) if message not in there]


def wrong_in_the_end(now: World) -> str | None:
    """What is not as it should be where nothing is left to do."""
    spec = now.specs[0]
    queue = now.vhost.queue(spec.name)
    if queue is None or queue.definition != spec.definition:
        return f"{spec} is not there"
    if list(now.vhost.private_names(OUR_PREFIX)) or len(now.vhost.queues) > 1:
        return "something is left"
    routes = {(b.source, b.destination) for b in now.vhost.bindings}
    if routes != {(IN, spec.name)} or not spec.wanted | {OURS, THEIRS} <= {b.key for b in now.vhost.bindings}:
        return "a route is missing or left"
    came_out = list(dict.fromkeys(now.consumed + queue.messages))
    for at, message in enumerate(came_out):
        if overtaken := [m for m in came_out[at:] if m < message and m in now.ordered]:
            return f"{message} has overtaken {overtaken}"
    return None


def _published(now: World, key: str) -> World:
    message = now.published + 1
    queues = {b.destination for b in now.vhost.bindings if b.source == IN}
    is_ordered = len(queues) == 1 and not (now.run.is_catching_up and queues & _ARRIVING)
    return now._replace(
        vhost=now.vhost.publish(IN, key, message),
        published=message,
        ordered=now.ordered | {message} if is_ordered else now.ordered,
        limits=now.limits._replace(arrivals=now.limits.arrivals - 1),
    )


def _killed(now: World) -> World:
    """The next run begins with the spec as it is by then."""
    limits = now.limits
    if now.run.copies:
        limits = limits._replace(crashes_after_a_copy=limits.crashes_after_a_copy - 1)
    return now._replace(run=Run(now.specs[0]), limits=limits)


def _broker_killed(now: World) -> World:
    """The lock goes with it, and so the run."""
    killed = _killed(now)
    limits = killed.limits._replace(broker_kills=now.limits.broker_kills - 1)
    return killed._replace(vhost=now.vhost.restarted(), limits=limits)


def _declared(now: World, queue: Spec) -> World:
    """An application that starts declares its queue and binds it. Refused, it gets no further."""
    now = now._replace(limits=now.limits._replace(declares=now.limits.declares - 1))
    try:
        vhost = now.vhost.declare_queue(queue.name, queue.definition)
    except RefusedByBroker:
        return now
    return _bound(now._replace(vhost=vhost), OURS, queue.name)


def _bound(now: World, key: str, queue: str) -> World:
    """What comes by a new route to the old queue may overtake what has arrived by then, since it is parked with
    the rest. Any other new route leads past the replacement, and what comes by it may overtake everything.
    """
    bound = now._replace(vhost=now.vhost.bind(Binding(IN, key, queue)))
    if bound.vhost == now.vhost:
        return now
    pair = unfinished(now.vhost)
    if pair is None:
        return bound if len(bound.vhost.queues) == 1 else bound._replace(ordered=frozenset())
    holding = holding_of(pair.was)
    is_drained = now.vhost.exchange(holding.back) is None and not now.run.takes_old_for_gone
    if queue != pair.was or not is_drained:
        return bound._replace(ordered=frozenset())
    before = now.vhost.messages(pair.was) + now.vhost.messages(holding.parked)
    return bound._replace(ordered=now.ordered.intersection(before))


def _consumed(now: World, name: str, queue: Queue) -> World:
    """Between two runs an application may consume from the old queue: that overtakes what is parked already."""
    is_drained = now.vhost.exchange(holding_of(name).back) is None
    parked = now.vhost.messages(holding_of(name).parked)
    return now._replace(
        vhost=now.vhost.without_first(name),
        consumed=(*now.consumed, queue.messages[0]),
        ordered=now.ordered.difference(parked) if is_drained else now.ordered,
        limits=now.limits._replace(consumed=now.limits.consumed - 1),
    )


def _rejected(now: World, name: str, queue: Queue) -> World:
    """It comes back by the key of its queue, if anything is bound by that, and behind everything else."""
    message = queue.messages[0]
    return now._replace(
        vhost=now.vhost.without_first(name).publish(IN, way_back_key(name), message),
        ordered=now.ordered - {message},
        limits=now.limits._replace(rejected=now.limits.rejected - 1),
    )


def _is_moved(now: World, name: str) -> bool:
    """Whether the run consumes from this queue, which lets nobody else."""
    return any(isinstance(atom, Move) and atom.source == name for atom in now.run.atoms)


_ARRIVING: Final = frozenset(holding_of(name).arriving for name in (WORK, RENAMED))
