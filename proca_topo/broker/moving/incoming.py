"""Deliveries as the bytes that come. Imported only together with pika.

pika makes objects of each delivery's method, header and body, and looks for somebody who waits for each of them.
With that, a move of 100,000 messages of 1 KiB took 3.3 s of processor time; it takes 1.8 s where a message that
comes in one piece is taken as it is. Everything else is pika's.
"""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

from pika import spec
from pika.channel import Channel
from pika.frame import decode_frame

from proca_topo.broker.moving.frames import AROUND, END, FRAME, HEADER, short

# The type of a frame and its channel: what tells what it is, and whose.
_KIND: Final = struct.Struct(">BH")
_DELIVER: Final = struct.pack(">I", spec.Basic.Deliver.INDEX)
# A delivery's tag, whether it was delivered before, and how long the name of its exchange is.
_DELIVERY: Final = struct.Struct(">Q?B")


class Delivery(NamedTuple):
    """A message that a consumer was given. Its properties are as in `proca_topo.broker.moving.property_bytes`."""

    tag: int
    redelivered: bool
    routing_key: str | bytes
    properties: bytes
    body: bytes


class Incoming:
    """What the connection of an open channel reads. `deliver` is given what comes in one piece to the consumer of
    `deliver_to`.
    """

    def __init__(self, channel: Channel, deliver: Callable[[Delivery], None]) -> None:
        self._connection = channel.connection
        self._deliver = deliver
        self._method, self._header, self._body = (
            _KIND.pack(kind, channel.channel_number)
            for kind in (spec.FRAME_METHOD, spec.FRAME_HEADER, spec.FRAME_BODY)
        )
        self._most = channel.connection.params.frame_max - AROUND
        self._to_consumer: bytes | None = None
        # pika has no public way in; pyproject.toml names the versions that have this one.
        self._begun: bytes = self._connection._frame_buffer  # noqa: SLF001
        self._connection._frame_buffer = b""  # noqa: SLF001
        self._connection._on_data_available = self._read  # noqa: SLF001

    def deliver_to(self, consumer_tag: str) -> None:
        """Deliver from now on what is for this consumer."""
        self._to_consumer = _DELIVER + short(consumer_tag)

    def stop(self) -> None:
        """Deliver nothing more. pika gives back what still comes to a consumer that is cancelled."""
        self._to_consumer = None

    def _read(self, data: bytes) -> None:
        buffer = self._begun + data
        at = 0
        while (end := self._next(buffer, at)) > at:
            at = end
        self._begun = buffer[at:]
        self._connection.bytes_received += at  # by which pika sees that RabbitMQ is there

    def _next(self, buffer: bytes, at: int) -> int:
        """Where it ends, what begins there and is dealt with now; the same place if it is not all there."""
        to = self._to_consumer
        if to is None or not buffer.startswith(self._method, at) or not buffer.startswith(to, at + FRAME.size):
            return self._left_to_pika(buffer, at)
        header = _end(buffer, at)
        content = _end(buffer, header)
        if content > len(buffer):
            return at
        size = HEADER.unpack_from(buffer, header + FRAME.size)[-1]
        end = content + (AROUND + int(size) if size else 0)
        if size > self._most:
            return self._left_to_pika(buffer, at)
        if end > len(buffer):
            return at
        if not self._is_whole(buffer, header, content, end):
            return self._left_to_pika(buffer, at)
        self._deliver(_delivery(buffer, at + FRAME.size + len(to), header, content, end))
        return end

    def _is_whole(self, buffer: bytes, header: int, content: int, end: int) -> bool:
        """Whether these are a header and a body, if there is one, in a frame each, and all frames end."""
        return (
            buffer[header - 1] == buffer[content - 1] == buffer[end - 1] == END[0]
            and buffer.startswith(self._header, header)
            and (content == end or (buffer.startswith(self._body, content) and _end(buffer, content) == end))
        )

    def _left_to_pika(self, buffer: bytes, at: int) -> int:
        length, frame = decode_frame(buffer[at:])
        if frame is not None:
            self._connection._process_frame(frame)  # noqa: SLF001
        return at + int(length)


def _delivery(buffer: bytes, at: int, header: int, content: int, end: int) -> Delivery:
    """`at` is what follows the consumer's tag, the others where each frame ends that the next one begins."""
    tag, redelivered, length_of_exchange = _DELIVERY.unpack_from(buffer, at)
    key = at + _DELIVERY.size + length_of_exchange
    return Delivery(
        tag,
        redelivered,
        buffer[key + 1 : key + 1 + buffer[key]],
        buffer[header + FRAME.size + HEADER.size : content - len(END)],
        buffer[content + FRAME.size : end - len(END)],  # empty where there is no such frame
    )


def _end(buffer: bytes, at: int) -> int:
    """Where a frame ends; somewhere behind the buffer if that is not there to be read."""
    if at + FRAME.size > len(buffer):
        return len(buffer) + 1
    return at + AROUND + int(FRAME.unpack_from(buffer, at)[-1])
