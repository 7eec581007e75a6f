"""Messages from one queue to another as AMQP's own frames.

A client library makes objects of each frame, which costs more than half of the speed; and pika cannot give every
header back as it came: a float loses its fraction, a long integer its size, a time after the year 9999 ends the
connection. So the frames of a message's content are passed on as they are: all that is read is where a message
begins and ends, and all that is made anew is the publish in front of it.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from proca_topo.broker.confirms import Confirms

FRAME_HEAD: Final = struct.Struct(">BHI")
"""Kind, channel, size of the payload."""
FRAME_OVERHEAD: Final = 8
"""The bytes of a frame's head, and its last one."""

_METHOD: Final = 1
_HEADER: Final = 2
_FRAME_END: Final = b"\xce"
_NUMBER: Final = struct.Struct(">I")
_TAG: Final = struct.Struct(">Q")
_PUBLISH: Final = _NUMBER.pack(0x003C0028) + b"\0\0"
_MANDATORY: Final = b"\x01"
_RETURN: Final = 0x003C0032
_DELIVER: Final = 0x003C003C
_ACK: Final = 0x003C0050
_NACK: Final = 0x003C0078
_BODY_SIZE: Final = struct.Struct(">xxxxQ")

# Where things begin in the frames that are read.
_METHOD_AT: Final = 7
_ARGUMENTS_AT: Final = 11
_PROPERTIES_AT: Final = 19

CopyProperties = Callable[[bytes], bytes | None]
"""The properties that a message's copy gets, encoded as they come; None if it is not to be published, and then
nothing after it may be: `is_taking` ends.
"""


@dataclass(kw_only=True)
class Passage:
    """What comes in and goes out on one channel, where every message that is taken is published in that order.

    Both of RabbitMQ's counts begin with 1 on a new channel, so the number of a delivery is that of its copy too:
    no message is left out, and after the first one that is, none is published any more.
    """

    channel: int
    exchange: str
    copy_properties: CopyProperties
    at_most: int | None = None
    seen: int = 0
    """Messages delivered."""
    seen_bytes: int = 0
    """Of their bodies."""
    is_taking: bool = True
    """Whether what is delivered is published."""
    confirms: Confirms = field(default_factory=Confirms)
    _unfinished: list[bytes] | None = None
    _left: int = 0
    _outgoing: list[bytes] = field(default_factory=list)

    def take_in(self, frame: bytes) -> bool:
        """Whether this frame of the channel is about a message or its confirm; it is dealt with then."""
        match frame[0]:
            case 1:
                return self._on_method(frame)
            case 2:
                self._on_header(frame)
            case 3:
                self._on_body(frame)
            case _:
                return False
        return True

    def outgoing(self) -> bytes:
        """Whole messages to be sent. What is not complete yet waits: nothing may come between its frames."""
        data = b"".join(self._outgoing)
        self._outgoing.clear()
        return data

    def _on_method(self, frame: bytes) -> bool:
        (method,) = _NUMBER.unpack_from(frame, _METHOD_AT)
        if method == _DELIVER:
            self._on_delivery(frame)
        elif method == _ACK:
            (number,) = _TAG.unpack_from(frame, _ARGUMENTS_AT)
            self.confirms.ack(number, multiple=frame[_ARGUMENTS_AT + _TAG.size] == 1)
        elif method == _NACK:
            self.confirms.nack()
            self.is_taking = False
        elif method == _RETURN:
            self.confirms.come_back()
            self.is_taking = False
            self._unfinished = None
        else:
            return False
        return True

    def _on_delivery(self, frame: bytes) -> None:
        self.seen += 1
        self._unfinished = None
        if not self.is_taking:
            return
        # consumer tag, delivery tag, redelivered, exchange, routing key
        exchange_at = _ARGUMENTS_AT + 1 + frame[_ARGUMENTS_AT] + _TAG.size + 1
        routing_key = frame[exchange_at + 1 + frame[exchange_at] : -1]
        exchange = self.exchange.encode()
        payload = b"".join((_PUBLISH, bytes([len(exchange)]), exchange, routing_key, _MANDATORY))
        self._unfinished = [_frame(_METHOD, self.channel, payload)]

    def _on_header(self, frame: bytes) -> None:
        (self._left,) = _BODY_SIZE.unpack_from(frame, _METHOD_AT)
        self.seen_bytes += self._left
        if self._unfinished is not None:
            properties = frame[_PROPERTIES_AT:-1]
            copied = self.copy_properties(properties)
            if copied is None:
                self._unfinished = None
            else:
                same = copied is properties
                head = frame[_METHOD_AT:_PROPERTIES_AT]
                self._unfinished.append(frame if same else _frame(_HEADER, self.channel, head + copied))
                self.confirms.published += 1
                self.is_taking = self.confirms.published != self.at_most
        self._finish_if_complete()

    def _on_body(self, frame: bytes) -> None:
        self._left -= len(frame) - FRAME_OVERHEAD
        if self._unfinished is not None:
            self._unfinished.append(frame)
        self._finish_if_complete()

    def _finish_if_complete(self) -> None:
        if not self._left and self._unfinished is not None:
            self._outgoing += self._unfinished
            self._unfinished = None


def _frame(kind: int, channel: int, payload: bytes) -> bytes:
    return FRAME_HEAD.pack(kind, channel, len(payload)) + payload + _FRAME_END
