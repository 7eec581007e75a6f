"""What there is to tell of the whole way of a message: the exchanges and queues that it visits."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from proca_topo.topology.nouns import Binding


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
    UNTOLD = "untold"
    """It goes on, and there are too many ways to follow them all."""


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
    anywhere on its way that may lead to more. If it `is_whole`, all its ways have been followed. What a message
    goes through in the same way, wherever it comes from, is the same object.
    """

    start: ExchangeVisit
    queues: frozenset[str]
    unknown: frozenset[str]
    ends: frozenset[str]
    is_whole: bool


def exchanges_of(start: ExchangeVisit) -> Iterator[ExchangeVisit]:
    """Every exchange visit on the way, each once."""
    told: set[int] = set()
    todo = [start]
    while todo:
        visit = todo.pop()
        if id(visit) not in told:
            told.add(id(visit))
            yield visit
            todo += _ahead(visit)


def queues_of(start: ExchangeVisit) -> Iterator[QueueVisit]:
    """Every queue visit on the way."""
    for exchange in exchanges_of(start):
        yield from (way.to for way in exchange.ways if isinstance(way.to, QueueVisit))


def _ahead(visit: ExchangeVisit) -> Iterator[ExchangeVisit]:
    for way in visit.ways:
        match way.to:
            case ExchangeVisit() as exchange:
                yield exchange
            case QueueVisit() as queue:
                yield from (leaving.to for leaving in queue.leaving if leaving.to is not None)
            case None:
                pass
