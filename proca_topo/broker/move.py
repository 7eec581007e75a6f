"""What is to be moved from one queue to another, and what came of it."""

from dataclasses import dataclass
from enum import StrEnum


class Leaving(StrEnum):
    """What becomes of a message's expiration, which runs anew in each queue: a parked message must not expire."""

    PARK = "park"
    UNPARK = "unpark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What to move: the queue `source`, through the `exchange`, a private fanout that leads to the target alone.

    `exclusive` keeps other consumers out; RabbitMQ refuses that for a queue with x-single-active-consumer. Once
    the source is empty it is deleted if `delete_source` says so. `at_most` is how many messages are moved.
    """

    source: str
    exchange: str
    leaving: Leaving
    source_is_quorum: bool
    exclusive: bool = True
    delete_source: bool = False
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How many messages were moved, and whether the source was deleted."""

    messages: int
    deleted: bool
