"""Two queues on a real broker and the private exchange between them: what a move needs, seen by other hands."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import httpx
import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.moving.move import Leaving, Move, Moved, move
from proca_topo.sandbox.node import Node
from tests.broker.raw import Raw
from tests.brokers.cluster import as_broker
from tests.waiting import wait_until

SOURCE: Final = "source"
TARGET: Final = "target"
PRIVATE: Final = "to target"
BACK: Final = "to source"
CLASSIC: Final = "classic"
QUORUM: Final = "quorum"

# RabbitMQ lists what has just gone for a little longer.
_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.2
# What is on its way at the first look is not counted any more, and comes before the answer to the second.
_LOOKS: Final = 2


class Encoded(spec.BasicProperties):  # type: ignore[misc]  # pika has no types
    """Properties that this test has put into bytes itself, or takes as bytes."""

    def __init__(self, encoded: bytes = b"\0\0") -> None:
        self.encoded = encoded

    def decode(self, encoded: bytes, offset: int = 0) -> "Encoded":
        self.encoded = encoded[offset:]
        return self

    def encode(self) -> list[bytes]:
        return [self.encoded]


@dataclass(frozen=True, kw_only=True)
class Message:
    """As it comes out of a queue."""

    routing_key: str
    properties: bytes
    body: bytes
    redelivered: bool


@dataclass(frozen=True, kw_only=True)
class Tracks:
    """`kind` is the type of both queues."""

    where: BrokerAddress
    vhost: str
    http: httpx.Client
    kind: str

    def on(self, node: Node) -> "Tracks":
        """The same on a node of its own."""
        broker = as_broker(node)
        http = broker.http()
        http.put(f"/api/vhosts/{self.vhost}").raise_for_status()
        return replace(self, where=broker.address(), http=http)

    def lay(self, **target_arguments: Any) -> None:
        """Declare the queues, and an exchange to each."""
        raw = Raw(http=self.http, vhost=self.vhost)
        kind = {"x-queue-type": self.kind}
        raw.put("queues", SOURCE, durable=True, arguments=kind)
        raw.put("queues", TARGET, durable=True, arguments=kind | target_arguments)
        for exchange, queue in ((PRIVATE, TARGET), (BACK, SOURCE)):
            raw.put("exchanges", exchange, type="fanout", durable=True)
            raw.bind(exchange, queue, "")

    @contextmanager
    def channel(self, *, user: str = "guest") -> Iterator[BlockingChannel]:
        """A channel as any client has it."""
        url = f"{self.where.amqp_url}/{self.vhost}".replace("guest:guest", f"{user}:guest")
        connection = pika.BlockingConnection(pika.URLParameters(url))
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()

    def fill(self, count: int, *, size: int = 0, first: int = 0) -> None:
        """Publish numbered messages to the source, each padded to that size."""
        self.publish(str(number).encode().ljust(size) for number in range(first, first + count))

    def publish(self, bodies: Iterator[bytes] | Sequence[bytes], *, key: str = SOURCE) -> None:
        """Publish persistent messages to a queue, and wait until the broker has written them."""
        *first, last = bodies
        properties = pika.BasicProperties(delivery_mode=2)
        with self.channel() as channel:
            for body in first:
                channel.basic_publish("", key, body, properties)
            # Confirmed once it is written, and what comes before it in the queue is written before it.
            channel.confirm_delivery()
            channel.basic_publish("", key, last, properties)

    def order(self, **changes: Any) -> Move:
        """From the source to the target, to be parked there, if nothing else is said."""
        usual = Move(source=SOURCE, exchange=PRIVATE, leaving=Leaving.PARK, source_is_quorum=self.kind == QUORUM)
        return replace(usual, **changes)

    def move(self, **changes: Any) -> Moved:
        """Do it."""
        return move(self.where, self.vhost, self.order(**changes), progress=lambda _: None)

    def there_and_back(self) -> None:
        """Park all messages, and bring them back."""
        self.move()
        self.move(source=TARGET, exchange=BACK, leaving=Leaving.UNPARK)

    def take(self, queue: str, patch: pytest.MonkeyPatch) -> list[Message]:
        """All messages that wait in a queue, taken out in their order, with their properties as bytes."""
        taken: list[Message] = []
        with patch.context() as patched, self.channel() as channel:
            patched.setitem(spec.props, spec.BasicProperties.INDEX, Encoded)
            # A consumer: a quorum queue adds a header for one who only asks for a message.
            found_empty = 0
            for method, properties, body in channel.consume(
                queue, auto_ack=True, inactivity_timeout=_PAUSE_SECONDS
            ):
                if method is None:
                    found_empty = found_empty + 1 if _gives_nothing(channel, queue) else 0
                    if found_empty == _LOOKS:
                        break
                    continue
                found_empty = 0
                taken.append(
                    Message(
                        routing_key=method.routing_key,
                        properties=properties.encoded,
                        body=body,
                        redelivered=method.redelivered,
                    )
                )
        return taken

    def wait_until_let_go(self, queue: str, count: int) -> None:
        """Wait until so many messages wait in a queue and nobody consumes from it any more.

        A quorum queue takes back what a channel had, and forgets its consumer, some time after that is closed.
        """
        with self.channel() as channel:

            def is_let_go() -> bool:
                counts = channel.queue_declare(queue, passive=True).method
                return bool(counts.message_count == count and not counts.consumer_count)

            wait_until(is_let_go, f"{queue} has {count} messages and no consumers", seconds=_SECONDS)

    def numbers(self, queue: str, patch: pytest.MonkeyPatch) -> list[int]:
        """The numbers of the messages that wait in a queue. They are taken out."""
        return [int(message.body) for message in self.take(queue, patch)]

    def connections(self) -> list[str]:
        """Our own connections that the broker knows, once it lists none or after a while."""
        deadline = time.monotonic() + _SECONDS
        while (names := self._connections()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return names

    def _connections(self) -> list[str]:
        listed = self.http.get("/api/connections").raise_for_status().json()
        said = [one.get("client_properties", {}).get("connection_name", "") for one in listed]
        return [name for name in said if name.startswith("proca-topo move")]


def _gives_nothing(channel: BlockingChannel, queue: str) -> bool:
    """Whether a queue that the channel consumes from says that it has nothing, and nothing came before it said so.

    Of a quorum queue that has no time to answer RabbitMQ says that it has neither messages nor consumers.
    """
    counts = channel.queue_declare(queue, passive=True).method
    is_its_own = counts.consumer_count > 0
    return is_its_own and not counts.message_count and not channel.get_waiting_message_count()
