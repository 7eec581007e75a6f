"""Many messages at once through a real broker, and the queues that each came to."""

import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.topology.routing.matching import Message
from tests.broker.tracks import Encoded

Published = tuple[str, Message]
"""An exchange, and what is published to it."""

_HAS_HEADERS = 0x2000
_SECONDS = 120


def queues_reached(
    channel: BlockingChannel, published: Sequence[Published], queues: Collection[str]
) -> list[set[str]]:
    """The queues that have each message, in the order of the messages. The queues are empty afterwards.

    The channel is a new one, without confirms. Its messages are in their queues when the transaction is committed.
    """
    channel.tx_select()
    for number, (exchange, message) in enumerate(published):
        # pika itself has no floats.
        properties = Encoded(struct.pack(">H", _HAS_HEADERS) + table(message.headers))
        channel.basic_publish(exchange, message.routing_key, str(number).encode(), properties)
    channel.tx_commit()
    waiting = sum(channel.queue_declare(queue, passive=True).method.message_count for queue in queues)
    reached: list[set[str]] = [set() for _ in published]
    if waiting:
        _consume(channel, queues, waiting, lambda queue, body: reached[int(body)].add(queue))
    return reached


def _consume(
    channel: BlockingChannel, queues: Collection[str], count: int, take: Callable[[str, bytes], None]
) -> None:
    """Take so many messages out of these queues."""
    left = count

    def taken(queue: str, body: bytes) -> None:
        nonlocal left
        take(queue, body)
        left -= 1
        if not left:
            channel.stop_consuming()

    for queue in queues:
        channel.basic_consume(queue, lambda *got, queue=queue: taken(queue, got[3]), auto_ack=True)
    channel.connection.call_later(_SECONDS, channel.stop_consuming)
    channel.start_consuming()
    assert not left, f"{left} of {count} messages have not come after {_SECONDS} s"


def table(values: Mapping[str, Any]) -> bytes:
    """A table as AMQP carries it. pika has no floats."""
    items = b"".join(_short(name) + _value(value) for name, value in values.items())
    return struct.pack(">I", len(items)) + items


def _short(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack(">B", len(encoded)) + encoded


def _value(value: Any) -> bytes:
    match value:
        case None:
            return b"V"
        case bool():
            return struct.pack(">c?", b"t", value)
        case int():
            return struct.pack(">cq", b"l", value)
        case float():
            return struct.pack(">cd", b"d", value)
        case str():
            encoded = value.encode()
            return struct.pack(">cI", b"S", len(encoded)) + encoded
        case _:
            raise TypeError(value)
