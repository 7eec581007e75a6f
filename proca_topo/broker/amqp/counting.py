"""How many messages and consumers a queue has, asked over AMQP. Imported only together with pika.

RabbitMQ asks a quorum queue's leader, and waits 250 ms for it. If nothing comes by then it answers 0 messages and
0 consumers, as it does for a queue that has none: seen on 3.10.8, 4.0.5 and 4.3.6 with a leader that was
suspended, and on a machine that had too much to do.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

# What comes sooner is the queue's own answer: a little less than what RabbitMQ waits.
_QUICK_SECONDS: Final = 0.2

_TRIES: Final = 4


def is_certain(counts: Any, seconds: float) -> bool:  # noqa: ANN401 - pika has no types
    """Whether this answer to a passive declare, which took so long, is the queue's own."""
    return bool(counts.message_count or counts.consumer_count) or seconds < _QUICK_SECONDS


def count(channel: "BlockingChannel", queue: str) -> Any | None:  # noqa: ANN401 - pika has no types
    """RabbitMQ's answer to a passive declare; None where the queue itself does not answer.

    Where every answer takes so long, because the broker is far away, none tells that, and all are believed.
    """
    for _ in range(_TRIES):
        asked_at = time.monotonic()
        counts = channel.queue_declare(queue, passive=True).method
        if is_certain(counts, time.monotonic() - asked_at):
            return counts
    return counts if is_far_away(lambda: _round_trip(channel)) else None


def is_far_away(round_trip: Callable[[], float]) -> bool:
    """Whether even the quickest answer, of those that ask no queue, takes so long that none can be told by it."""
    return min(round_trip() for _ in range(_TRIES)) >= _QUICK_SECONDS


def _round_trip(channel: "BlockingChannel") -> float:
    """Seconds that RabbitMQ takes to answer what asks no queue."""
    asked_at = time.monotonic()
    channel.basic_qos(prefetch_count=0)
    return time.monotonic() - asked_at
