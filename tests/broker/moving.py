"""What tests of moving messages share: a source, a target, and messages to the last byte of their properties."""

import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pika
from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.move import Leaving, Move, Moved
from proca_topo.broker.moving import move

CLASSIC: Final = "classic"
QUORUM: Final = "quorum"
SOURCE: Final = "source"
TARGET: Final = "target"

PERSISTENT: Final = pika.BasicProperties(delivery_mode=2)


class RawProperties(pika.BasicProperties):  # type: ignore[misc]  # pika has no types
    """Properties that are published as these bytes, and that come back as bytes."""

    def __init__(self, raw: bytes) -> None:
        super().__init__()
        self.raw = raw

    def encode(self) -> list[bytes]:
        return [self.raw]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two queues in a vhost, and a private fanout that leads to each."""

    where: BrokerAddress
    vhost: str
    source_type: str

    @contextmanager
    def channel(self, *, confirms: bool = True) -> Iterator[BlockingChannel]:
        """A channel as any client has it."""
        parameters = pika.URLParameters(
            f"{self.where.amqp_url}/{self.vhost}".replace(f"//{self.vhost}", f"/{self.vhost}")
        )
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            if confirms:
                channel.confirm_delivery()
            yield channel
        finally:
            if connection.is_open:
                connection.close()

    def declare(self, target_type: str = CLASSIC, **target_arguments: Any) -> None:
        """Make both queues and the exchanges `to-source` and `to-target`."""
        with self.channel() as channel:
            for name, kind, more in (
                (SOURCE, self.source_type, {}),
                (TARGET, target_type, target_arguments),
            ):
                channel.queue_declare(name, durable=True, arguments={"x-queue-type": kind, **more})
                channel.exchange_declare(f"to-{name}", "fanout", durable=True)
                channel.queue_bind(name, f"to-{name}")

    def fill(self, count: int, *, start: int = 0, body: Callable[[int], bytes] | None = None) -> None:
        """Numbered messages, persistent and confirmed."""
        with self.channel(confirms=False) as channel:
            for number in range(start, start + count):
                text = body(number) if body is not None else str(number).encode()
                channel.basic_publish("to-source", f"key.{number}", text, PERSISTENT)
            channel.confirm_delivery()
            # A confirm of one that comes after them.
            channel.exchange_declare("nowhere", "fanout")
        self.wait_for(count)

    def wait_for(self, count: int, queue: str = SOURCE) -> None:
        """Until so many messages wait."""
        with self.channel() as channel:
            for _ in range(500):
                if self.count(channel, queue) >= count:
                    return
                channel.connection.sleep(0.02)
        raise AssertionError(f"{count} messages never came to {queue}")

    @staticmethod
    def count(channel: BlockingChannel, queue: str) -> int:
        """Messages that are ready."""
        count: int = channel.queue_declare(queue, passive=True).method.message_count
        return count

    def move(self, leaving: Leaving = Leaving.PARK, **given: Any) -> Moved:
        """From the source to the target."""
        settings = {name: given.pop(name) for name in ("progress", "idle", "user") if name in given}
        order = Move(
            source=SOURCE,
            exchange="to-target",
            leaving=leaving,
            source_is_quorum=self.source_type == QUORUM,
            **given,
        )
        return move(self.where, self.vhost, order, **{"progress": lambda _: None, **settings})

    def exists(self, queue: str = SOURCE) -> bool:
        """Whether the queue is there."""
        with self.channel() as channel:
            try:
                channel.queue_declare(queue, passive=True)
            except pika.exceptions.ChannelClosedByBroker:
                return False
        return True

    def drain(self, queue: str) -> list[tuple[Any, pika.BasicProperties, bytes]]:
        """Take all out, in their order."""
        found = []
        with self.channel() as channel:
            channel.basic_qos(prefetch_count=2000)
            wanted = self.count(channel, queue)
            while wanted:
                for method, properties, body in channel.consume(queue, inactivity_timeout=5):
                    assert method is not None, f"{wanted} more messages of {queue} did not come"
                    found.append((method, properties, body))
                    channel.basic_ack(method.delivery_tag)
                    wanted -= 1
                    if not wanted:
                        break
                channel.cancel()
                wanted = self.count(channel, queue)
        return found

    def numbers(self, queue: str) -> list[int]:
        """The numbers of the messages, in their order; they are taken out."""
        return [int(body.split()[0]) for _, _, body in self.drain(queue)]


def in_order(numbers: Sequence[int]) -> list[int]:
    """Without those that came a second time."""
    return list(dict.fromkeys(numbers))


def text(value: str) -> bytes:
    """A short string."""
    return bytes([len(value.encode())]) + value.encode()


def table(entries: dict[str, bytes]) -> bytes:
    """A table; the values are encoded already."""
    content = b"".join(text(name) + value for name, value in entries.items())
    return struct.pack(">I", len(content)) + content


ALL_TYPES: Final = {
    "bool": b"t\x01",
    "byte": b"b\xfe",
    "unsigned byte": b"B\xfe",
    "short": b"s\xff\xfe",
    "unsigned short": b"u\xff\xfe",
    "int": struct.pack(">ci", b"I", -7),
    "unsigned int": struct.pack(">cI", b"i", 4_000_000_000),
    "long": struct.pack(">cq", b"l", 7),
    "float": struct.pack(">cf", b"f", 0.25),
    "double": struct.pack(">cd", b"d", -1.5),
    "decimal": struct.pack(">cBi", b"D", 2, 12345),
    "text": b"S" + struct.pack(">I", 3) + "aé".encode(),
    "no utf-8": b"S" + struct.pack(">I", 2) + b"\xff\xfe",
    "bytes": b"x" + struct.pack(">I", 2) + b"\x00\xff",
    "time": struct.pack(">cQ", b"T", 1_700_000_000),
    "time in milliseconds": struct.pack(">cQ", b"T", 1_700_000_000_000),
    "nothing": b"V",
    "table": b"F" + table({"inner": struct.pack(">cd", b"d", 0.1), "none": b"F" + table({})}),
    "array": b"A" + struct.pack(">I", 11) + struct.pack(">cd", b"d", 0.1) + b"t\x00",
}
"""A header of every type that AMQP 0-9-1 has in RabbitMQ, as it is encoded."""

_TEXTS: Final = {15: "text/ü", 14: "gzip", 10: "c" * 36, 9: "reply", 8: "3600000", 7: "id", 5: "type", 3: "app"}


def properties(
    *, headers: dict[str, bytes] | None = None, without: frozenset[int] = frozenset(), mode: int = 2
) -> bytes:
    """All basic properties but the user's id and those left out by their bit, encoded."""
    parts: dict[int, bytes] = {bit: text(value) for bit, value in _TEXTS.items()}
    parts[12] = bytes([mode])
    parts[11] = b"\x05"
    parts[6] = struct.pack(">Q", 1_700_000_000_000)
    if headers is not None:
        parts[13] = table(headers)
    parts = {bit: value for bit, value in parts.items() if bit not in without}
    flags = sum(1 << bit for bit in parts)
    return struct.pack(">H", flags) + b"".join(parts[bit] for bit in sorted(parts, reverse=True))
