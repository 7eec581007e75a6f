"""The whole way of one message: through exchanges to queues, and on from these if nobody keeps it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from proca_topo.topology.nouns import STREAM, Binding, DestinationType, Queue
from proca_topo.topology.policies_in_force import dead_letters, keeps_dead_letters, refuses_when_full, time_to_live
from proca_topo.topology.routing.built_in import WithBuiltIn
from proca_topo.topology.routing.dead_letters import Reason, dead_lettered
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Hop, Routes, Topology
from proca_topo.topology.routing.ways_out import WaysOut


class Fate(StrEnum):
    """What happens to a message in the queues that it comes to first. Later it only expires where it waits."""

    REJECTED = "rejected"
    EXPIRED = "expired"
    OVERFLOWED = "overflowed"


class End(StrEnum):
    """Why a message goes no further."""

    RESTS = "rests"
    BACK = "back"
    """It is in a queue in which it has been before."""
    NO_DEAD_LETTERS = "no-dead-letters"
    """It is dropped: the queue has no dead-letter exchange."""
    CYCLE = "cycle"
    """It is dropped: it has left this queue before, by expiring or pushed out, and was not rejected since."""
    KEPT = "kept"
    """It is in the queue that it would leave, as long as it has no way on (`keeps_dead_letters`)."""
    REFUSED = "refused"
    """The queue is full and refuses it: the publisher gets a nack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a message goes on from an exchange: by a binding, or (None) to its alternate exchange.

    `to` is None where it has been shown already: RabbitMQ asks each exchange once for a message.
    """

    binding: Binding | None
    to: "ExchangeVisit | QueueVisit | None"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeVisit:
    """A message in an exchange. `type` is None where there is none. `copies` are further keys, from CC and BCC."""

    name: str
    type: str | None
    routing_key: str
    copies: tuple[str, ...]
    is_known: bool
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A message that leaves a queue: after `delay` milliseconds if it expires, to an exchange, or for good.

    With `end` and an exchange it would, if that led anywhere.
    """

    fate: Fate
    delay: int | None
    to: ExchangeVisit | None
    end: End | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueVisit:
    """A message in a queue. `leaving` has more than one where it is not known which policy is in force.

    What `is_anothers` is there, and nothing else is known of it.
    """

    name: str
    type: str | None
    is_declared: bool
    is_anothers: bool
    end: End | None
    leaving: tuple[Leaving, ...] = ()

    @property
    def has_it(self) -> bool:
        """Whether it is in this queue in the end."""
        return self.end in (End.RESTS, End.BACK) or any(one.end is End.KEPT for one in self.leaving)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The way of a message.

    `queues` are those that it reaches at once, `ends` those where it is in the end, `unknown` the exchanges
    anywhere on its way that may lead to more.
    """

    start: ExchangeVisit
    queues: frozenset[str]
    unknown: frozenset[str]
    ends: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Past:
    """What a message has gone through to be where it is, since it was published to `exchange`.

    All `queues`, and those that it has left since it was last rejected: RabbitMQ drops what it would dead-letter
    into one of these (`is_cycle` in its rabbit_dead_letter.erl or mc.erl; measured on 3.10, 4.0 and 4.3).
    """

    exchange: str
    queues: tuple[str, ...] = ()
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
        self._ways_out = WaysOut(topology, self.routes, waiting)

    def trace(self, exchange: str, message: Message, fate: Fate | None) -> Trace:
        """The way of a message that is published here; None for `fate` follows it to the queues only."""
        start = self._exchange(exchange, message, fate, _Past(exchange), set())
        return Trace(
            start=start,
            queues=self.routes.reached(exchange, message).queues,
            unknown=frozenset(visit.name for visit in exchanges_of(start) if not visit.is_known),
            ends=frozenset(visit.name for visit in queues_of(start) if visit.has_it),
        )

    def _exchange(
        self, name: str, message: Message, fate: Fate | None, past: _Past, seen: set[str]
    ) -> ExchangeVisit:
        seen.add(name)
        hop = self.routes.hop(name, message)
        known = self.routes.exchanges.get(name)
        return ExchangeVisit(
            name=name,
            type="direct" if name == "" else None if known is None else known.type,
            routing_key=message.routing_key,
            copies=message.keys[1:],
            is_known=hop.is_known,
            ways=tuple(self._ways(hop, message, fate, past, seen)),
        )

    def _ways(self, hop: Hop, message: Message, fate: Fate | None, past: _Past, seen: set[str]) -> Iterator[Way]:
        for binding in sorted(hop.bindings, key=lambda one: (one.destination_type, one.destination, one.name)):
            name = binding.destination
            if binding.destination_type is DestinationType.QUEUE:
                yield Way(binding=binding, name=name, to=self._queue(name, message, fate, past))
            elif name in seen:
                yield Way(binding=binding, name=name, to=None)
            else:
                yield Way(binding=binding, name=name, to=self._exchange(name, message, fate, past, seen))
        for name in hop.alternates:
            onward = None if name in seen else self._exchange(name, message, fate, past, seen)
            yield Way(binding=None, name=name, to=onward)

    def _queue(self, name: str, message: Message, fate: Fate | None, past: _Past) -> QueueVisit:
        queue = self.routes.queue(name)
        visit = QueueVisit(
            name=name,
            type=None if queue is None else queue.type,
            is_declared=queue is not None,
            is_anothers=name in self.routes.others,
            end=None,
        )
        if name in past.unrejected:
            return replace(visit, end=End.CYCLE)
        way_out = self._ways_out.of(name)
        waits = way_out is not None and way_out.only_waits
        if name in past.queues and not (waits or fate is Fate.EXPIRED):
            return replace(visit, end=End.BACK)
        first = not past.queues
        if queue is None or fate is None or queue.type == STREAM or not (first or waits or fate is Fate.EXPIRED):
            return replace(visit, end=End.RESTS)
        here = fate if first and not waits else Fate.EXPIRED
        leaving = tuple(self._leaving(queue, message, fate, here, past))
        return replace(visit, leaving=leaving, end=None if leaving else End.RESTS)

    def _leaving(self, queue: Queue, message: Message, fate: Fate, here: Fate, past: _Past) -> Iterator[Leaving]:
        """How a message leaves; nothing where it stays, because it does not expire there."""
        told = set()
        for policy in self.routes.policies.possible(queue):
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
            further = replace(past, queues=(*past.queues, queue.name), unrejected=unrejected)
            onward = dead_lettered(
                message, letters, reason=_REASONS[here], queue=queue.name, exchange=past.exchange
            )
            to = self._exchange(letters.exchange, onward, fate, further, set())
            yield replace(leaving, to=to, end=End.KEPT if keeps and not _has_a_way(to) else None)


def exchanges_of(visit: ExchangeVisit) -> Iterator[ExchangeVisit]:
    """Every exchange on the way, in the order in which it is told."""
    yield visit
    for way in visit.ways:
        match way.to:
            case ExchangeVisit() as exchange:
                yield from exchanges_of(exchange)
            case QueueVisit() as queue:
                for leaving in queue.leaving:
                    if leaving.to is not None:
                        yield from exchanges_of(leaving.to)
            case None:
                pass


def queues_of(visit: ExchangeVisit) -> Iterator[QueueVisit]:
    """Every queue on the way."""
    for exchange in exchanges_of(visit):
        yield from (way.to for way in exchange.ways if isinstance(way.to, QueueVisit))


_REASONS: Final = {
    Fate.REJECTED: Reason.REJECTED,
    Fate.EXPIRED: Reason.EXPIRED,
    Fate.OVERFLOWED: Reason.MAXLEN,
}


def _has_a_way(visit: ExchangeVisit) -> bool:
    """Whether a dead letter comes to a queue, or may do."""
    return not visit.is_known or any(
        _has_a_way(way.to)
        if isinstance(way.to, ExchangeVisit)
        else way.to is not None and way.to.end is not End.CYCLE
        for way in visit.ways
    )
