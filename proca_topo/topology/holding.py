"""What a replacement leaves on the broker while it is under way: holding queues, and how they are recognised.

Nothing is kept anywhere else. Names and arguments say what is being replaced, so that whoever finds them can
finish it: RabbitMQ keeps arguments that it does not know, on queues and on exchanges (measured on 3.10 to 4.3).
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.definitions import definition
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import MAX_NAME_BYTES
from proca_topo.topology.nouns import CLASSIC, OUR_PREFIX, Exchange, Queue

_PARKED: Final = f"{OUR_PREFIX}parked."
_ARRIVING: Final = f"{OUR_PREFIX}arriving."
_BACK: Final = f"{OUR_PREFIX}back."
_TRIAL: Final = f"{OUR_PREFIX}trial."
_QUEUES: Final = (_PARKED, _ARRIVING)
_EXCHANGES: Final = (_PARKED, _BACK)
_REPLACES: Final = "x-proca-topo-replaces"
_BECOMES: Final = "x-proca-topo-becomes"
_WAS: Final = "x-proca-topo-was"
_IN_FORCE: Final = "x-proca-topo-in-force"
_DIGEST_LENGTH: Final = 16
_FANOUT: Final = "fanout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """The names that the replacement of one queue uses.

    `parked` is a queue for what was waiting, and the private exchange that leads to it alone; `arriving` is a
    queue for what is published meanwhile; `back` is an exchange that exists as soon as the old queue is gone, and
    leads to the new one alone; `trial` is a queue, and then an exchange, that shows before anything is
    changed whether RabbitMQ would take the new one and its bindings.
    """

    parked: str
    arriving: str
    back: str
    trial: str

    @classmethod
    def of(cls, queue: str) -> "Holding":
        """Those for the queue that is being replaced."""
        return cls(
            parked=named(_PARKED, queue),
            arriving=named(_ARRIVING, queue),
            back=named(_BACK, queue),
            trial=named(_TRIAL, queue),
        )

    @property
    def queues(self) -> tuple[str, str]:
        """The two that hold messages."""
        return self.parked, self.arriving


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What could cost messages when a replacement began, by arguments and by policies; None is nothing.

    Of the old queue: its limit in bytes (`size`), after how many milliseconds without use it `expires`, and after
    how many it `drops` a message that has waited in it. What arrives meanwhile goes that way in the old queue or
    in the new one (`drops_arrived`).
    """

    size: int | None = None
    expires: int | None = None
    drops: int | None = None
    drops_arrived: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaced:
    """What the holding queues tell of the queue that is being replaced: as it was, and the name that it gets.

    What was `in_force` is not known before it has begun, nor of one that an older version has begun.
    """

    was: Queue
    becomes: str
    in_force: InForce | None = None

    @property
    def holding(self) -> Holding:
        """The names in use."""
        return Holding.of(self.was.name)

    @property
    def arguments(self) -> dict[str, Any]:
        """As arguments of everything that the replacement declares."""
        arguments = {_REPLACES: self.was.name, _BECOMES: self.becomes, _WAS: _as_json(definition(self.was))}
        if self.in_force is not None:
            arguments[_IN_FORCE] = _as_json(asdict(self.in_force))
        return arguments

    def exchange(self, name: str) -> Exchange:
        """A private exchange. A fanout: it keeps routing keys and headers as they are."""
        return Exchange(name=name, type=_FANOUT, arguments=Arguments.of(self.arguments))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A replacement that something interrupted. `parked` and `arriving` count the messages that it holds; None
    where that queue is not there (yet, or any more). `old_is_gone` says that the old queue was deleted.
    """

    replaced: Replaced
    parked: int | None
    arriving: int | None
    old_is_gone: bool

    @property
    def messages(self) -> int:
        """All messages in its holding queues."""
        return (self.parked or 0) + (self.arriving or 0)


def unfinished(existing: Existing) -> Iterator[Unfinished]:
    """The replacements that were begun and not finished, by the names of their queues."""
    found: dict[str, Replaced] = {}
    # What the exchange `back` says comes last and counts: it was written with the old queue gone.
    ours: list[Queue | Exchange] = [queue for name, queue in existing.queues.items() if name.startswith(_QUEUES)]
    ours += sorted(
        (exchange for name, exchange in existing.exchanges.items() if name.startswith(_EXCHANGES)),
        key=lambda exchange: exchange.name.startswith(_BACK),
    )
    for noun in ours:
        if (replaced := _replaced(noun)) is not None:
            found[replaced.was.name] = replaced
    for _, replaced in sorted(found.items()):
        holding = replaced.holding
        yield Unfinished(
            replaced=replaced,
            parked=_count(existing, holding.parked),
            arriving=_count(existing, holding.arriving),
            old_is_gone=holding.back in existing.exchanges,
        )


def _count(existing: Existing, queue: str) -> int | None:
    return existing.activity.get(queue, Activity()).messages if queue in existing.queues else None


def _replaced(noun: Queue | Exchange) -> Replaced | None:
    """What the arguments tell; None if somebody else made it, under a name like ours."""
    arguments = noun.arguments.to_dict()
    becomes, was = arguments.get(_BECOMES), arguments.get(_WAS)
    if not (isinstance(becomes, str) and isinstance(was, str)):
        return None
    try:
        entry = json.loads(was)
        table = dict(entry["arguments"])
        queue_type = table.pop("x-queue-type", CLASSIC)
        queue = Queue(
            name=str(entry["name"]),
            durable=entry["durable"] is True,
            auto_delete=entry["auto_delete"] is True,
            type=str(queue_type),
            arguments=Arguments.of(table),
        )
    except (KeyError, TypeError, ValueError):
        return None
    return Replaced(was=queue, becomes=becomes, in_force=_in_force(arguments.get(_IN_FORCE)))


def _in_force(text: object) -> InForce | None:
    """What was in force; None if that is not known."""
    try:
        table = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if not isinstance(table, dict):
        return None
    found = {field.name: table.get(field.name) for field in fields(InForce)}
    # JSON's true is an int to Python.
    return InForce(**found) if all(type(value) in {int, type(None)} for value in found.values()) else None


def _as_json(table: dict[str, Any]) -> str:
    return json.dumps(table, sort_keys=True, separators=(",", ":"))


def named(prefix: str, queue: str) -> str:
    """A name that tells the queue's, or as much of it as fits."""
    name = prefix + queue
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    digest = hashlib.sha256(queue.encode()).hexdigest()[:_DIGEST_LENGTH]
    room = MAX_NAME_BYTES - len(prefix) - _DIGEST_LENGTH - 1
    return f"{prefix}{queue.encode()[:room].decode(errors='ignore')}.{digest}"
