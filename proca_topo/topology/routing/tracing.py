"""The whole way of one message: through exchanges to queues, and on from these if nobody keeps it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Final

from proca_topo.topology.nouns import STREAM, DestinationType, Queue
from proca_topo.topology.policies_in_force import (
    DeadLetters,
    dead_letters,
    keeps_dead_letters,
    refuses_when_full,
    time_to_live,
)
from proca_topo.topology.routing.built_in import WithBuiltIn
from proca_topo.topology.routing.dead_letters import Reason, dead_lettered
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Hop, Routes, Topology
from proca_topo.topology.routing.visits import (
    End,
    ExchangeVisit,
    Fate,
    Leaving,
    QueueVisit,
    Trace,
    Way,
    exchanges_of,
    queues_of,
)
from proca_topo.topology.routing.ways_out import WaysOut

_REASONS: Final = {
    Fate.REJECTED: Reason.REJECTED,
    Fate.EXPIRED: Reason.EXPIRED,
    Fate.OVERFLOWED: Reason.MAXLEN,
}
# Which queues were left before makes a way of its own: their number doubles with each queue that lets messages
# expire into all the others. So many are followed in two seconds.
_MOST_DEAD_LETTERINGS: Final = 5_000


@dataclass(frozen=True, slots=True)
class _Past:
    """What a message has gone through to be where it is.

    All `queues`, and those that it has left since it was last rejected: RabbitMQ drops what it would dead-letter
    into one of these (`is_cycle` in its rabbit_dead_letter.erl or mc.erl; measured on 3.10, 4.0 and 4.3).
    """

    queues: frozenset[str] = frozenset()
    unrejected: frozenset[str] = frozenset()


class Tracer:
    """A topology, ready to be asked for whole ways.

    `waiting` are queues that are nobody's to consume from, `others` those that are there besides (`Routes`).
    """

    def __init__(
        self,
        topology: Topology,
        *,
        waiting: Collection[str] = (),
        others: Collection[str] = (),
        default_queue_type: str,
    ) -> None:
        whole = WithBuiltIn(topology)
        self.routes = Routes(whole, default_queue_type=default_queue_type, others=others)
        self.ways_out = WaysOut(topology, self.routes, waiting)

    def trace(self, exchange: str, message: Message, fate: Fate | None) -> Trace:
        """The way of a message that is published here; None for `fate` follows it to the queues only."""
        walk = _Walk(self.routes, self.ways_out, exchange, fate)
        start = walk.exchange(exchange, message, _Past(), set())
        return Trace(
            start=start,
            queues=self.routes.reached(exchange, message).queues,
            unknown=frozenset(visit.name for visit in exchanges_of(start) if not visit.is_known),
            ends=frozenset(visit.name for visit in queues_of(start) if visit.has_it),
            is_whole=walk.is_whole,
        )


class _Walk:
    """One message, published to an exchange, and what happens to it. Nothing is followed twice."""

    def __init__(self, routes: Routes, ways_out: WaysOut, published_to: str, fate: Fate | None) -> None:
        self._routes = routes
        self._ways_out = ways_out
        self._published_to = published_to
        self._fate = fate
        self._followed: dict[tuple[str, Message, _Past], ExchangeVisit] = {}
        self.is_whole = True

    def exchange(self, name: str, message: Message, past: _Past, seen: set[str]) -> ExchangeVisit:
        """A message in an exchange; `seen` are those that have it already since it was published last."""
        seen.add(name)
        hop = self._routes.hop(name, message)
        known = self._routes.exchanges.get(name)
        return ExchangeVisit(
            name=name,
            type="direct" if name == "" else None if known is None else known.type,
            routing_key=message.routing_key,
            copies=message.keys[1:],
            is_known=hop.is_known,
            ways=tuple(self._ways(hop, message, past, seen)),
        )

    def _ways(self, hop: Hop, message: Message, past: _Past, seen: set[str]) -> Iterator[Way]:
        for binding in sorted(hop.bindings, key=lambda one: (one.destination_type, one.destination, one.name)):
            name = binding.destination
            if binding.destination_type is DestinationType.QUEUE:
                yield Way(binding=binding, name=name, to=self._queue(name, message, past))
            elif name in seen:
                yield Way(binding=binding, name=name, to=None)
            else:
                yield Way(binding=binding, name=name, to=self.exchange(name, message, past, seen))
        for name in hop.alternates:
            onward = None if name in seen else self.exchange(name, message, past, seen)
            yield Way(binding=None, name=name, to=onward)

    def _queue(self, name: str, message: Message, past: _Past) -> QueueVisit:
        queue = self._routes.queue(name)
        visit = QueueVisit(
            name=name,
            type=None if queue is None else queue.type,
            is_declared=queue is not None,
            is_anothers=name in self._routes.others,
            end=None,
        )
        if name in past.unrejected:
            return replace(visit, end=End.CYCLE)
        way_out = self._ways_out.of(name)
        waits = way_out is not None and way_out.only_waits
        if name in past.queues and not (waits or self._fate is Fate.EXPIRED):
            return replace(visit, end=End.BACK)
        first = not past.queues
        goes_on = first or waits or self._fate is Fate.EXPIRED
        if queue is None or self._fate is None or queue.type == STREAM or not goes_on:
            return replace(visit, end=End.RESTS)
        here = self._fate if first and not waits else Fate.EXPIRED
        leaving = tuple(self._leaving(queue, message, here, past))
        return replace(visit, leaving=leaving, end=None if leaving else End.RESTS)

    def _leaving(self, queue: Queue, message: Message, here: Fate, past: _Past) -> Iterator[Leaving]:
        """How a message leaves; nothing where it stays, because it does not expire there."""
        told = set()
        for policy in self._routes.policies.possible(queue):
            delay = time_to_live(queue, policy) if here is Fate.EXPIRED else None
            if here is Fate.EXPIRED and delay is None:
                continue
            if here is Fate.OVERFLOWED and refuses_when_full(queue, policy):
                yield Leaving(fate=here, delay=None, to=None, end=End.REFUSED)
                continue
            letters, keeps = dead_letters(queue, policy), keeps_dead_letters(queue, policy)
            if (letters, delay, keeps) in told:
                continue
            told.add((letters, delay, keeps))
            leaving = Leaving(fate=here, delay=delay, to=None)
            if letters is None:
                yield replace(leaving, end=End.NO_DEAD_LETTERS)
                continue
            unrejected = frozenset() if here is Fate.REJECTED else past.unrejected | {queue.name}
            to = self._onward(queue.name, message, letters, here, _Past(past.queues | {queue.name}, unrejected))
            if to is None:
                yield replace(leaving, end=End.UNTOLD)
            else:
                yield replace(leaving, to=to, end=End.KEPT if keeps and not _has_a_way(to) else None)

    def _onward(
        self, queue: str, message: Message, letters: DeadLetters, here: Fate, past: _Past
    ) -> ExchangeVisit | None:
        """A dead letter in its exchange; None if that would be one too many."""
        onward = dead_lettered(message, letters, reason=_REASONS[here], queue=queue, exchange=self._published_to)
        state = (letters.exchange, onward, past)
        if state not in self._followed:
            if len(self._followed) >= _MOST_DEAD_LETTERINGS:
                self.is_whole = False
                return None
            self._followed[state] = self.exchange(letters.exchange, onward, past, set())
        return self._followed[state]


def _has_a_way(visit: ExchangeVisit) -> bool:
    """Whether a dead letter comes to a queue, or may do."""
    return not visit.is_known or any(
        _has_a_way(way.to)
        if isinstance(way.to, ExchangeVisit)
        else way.to is not None and way.to.end is not End.CYCLE
        for way in visit.ways
    )
