"""Publishing messages whose properties are bytes. Imported only together with pika.

pika makes objects of each message's method, header and body, has each say its bytes, and sends each by itself.
With that, a move of 100,000 messages of 1 KiB took 5.1 s of processor time; it takes 3.2 s where the bytes are put
together at once. They are the same, byte for byte.
"""

import struct
from typing import Final

from pika import spec
from pika.channel import Channel

from proca_topo.broker.moving.frames import AROUND, END, FRAME, HEADER, short

# Its class and number, and a word that is reserved.
_PUBLISH: Final = struct.pack(">IH", spec.Basic.Publish.INDEX, 0)
_MANDATORY: Final = b"\x01"


class Outgoing:
    """An open channel, and the exchange that all messages go to."""

    def __init__(self, channel: Channel, exchange: str) -> None:
        self._connection = channel.connection
        self._encoding = Encoding(
            channel=channel.channel_number, exchange=exchange, frame_max=channel.connection.params.frame_max
        )

    def publish(self, routing_key: str | bytes, properties: bytes, body: bytes) -> None:
        """Send a message as mandatory, while the channel is open. pika keeps it until the socket takes it."""
        frames = self._encoding.frames(routing_key, properties, body)
        # pika has no public way to send what is encoded; pyproject.toml names the versions that have this one.
        self._connection._output_marshaled_frames(frames)  # noqa: SLF001


class Encoding:
    """How messages are encoded for a channel and an exchange, in frames of up to `frame_max` bytes."""

    def __init__(self, *, channel: int, exchange: str, frame_max: int) -> None:
        self._channel = channel
        self._most = frame_max - AROUND
        self._begin = _PUBLISH + short(exchange)

    def frames(self, routing_key: str | bytes, properties: bytes, body: bytes) -> list[bytes]:
        """What to send: the method, the header and the first frame of the body in one, then every other frame."""
        method = self._begin + short(routing_key) + _MANDATORY
        header = HEADER.pack(spec.BasicProperties.INDEX, 0, len(body)) + properties
        begin = self._frame(spec.FRAME_METHOD, method) + self._frame(spec.FRAME_HEADER, header)
        bodies = [
            self._frame(spec.FRAME_BODY, body[at : at + self._most]) for at in range(0, len(body), self._most)
        ]
        return [begin + bodies[0], *bodies[1:]] if bodies else [begin]

    def _frame(self, kind: int, payload: bytes) -> bytes:
        return FRAME.pack(kind, self._channel, len(payload)) + payload + END
