"""Moving messages for a replacement, against the broker's own way of doing it: a dynamic shovel."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median

import httpx
import pika
from pika.adapters.blocking_connection import BlockingChannel

from bench.measure import call
from bench.rows import Row
from bench.world import client
from proca_topo.broker.address import address
from proca_topo.broker.moving.move import Leaving, Move, move
from proca_topo.cli.main import prepare
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.node import PASSWORD, USERNAME, Node, running_node

SHOVEL_PLUGIN = "rabbitmq_shovel"
MESSAGES = 100_000
BODY = b"x" * 1024
PREFETCH = 1_000
RUNS = 3
# At least nine tenths of the shovel's rate.
LIMIT = 1 / 0.9
TYPES = ("classic", "quorum")


def moving(installation: Installation) -> Iterator[Row]:
    """Two rows for each queue type. The messages go to and fro, by us one way and by a shovel the other."""
    prepare()
    with running_node(installation, plugins=[SHOVEL_PLUGIN]) as node, client(node) as http:
        for queue_type in TYPES:
            there_and_back = _ThereAndBack(node=node, http=http, queue_type=queue_type)
            there_and_back.fill()
            ours: list[float] = []
            shovels: dict[str, list[float]] = {way: [] for way in there_and_back.ways}
            # In turns, so that all have to do with the same machine.
            for _ in range(RUNS):
                for way, uri in there_and_back.ways.items():
                    ours += call(there_and_back.by_us, runs=1).seconds
                    shovels[way] += call(partial(there_and_back.by_shovel, uri), runs=1).seconds
            there_and_back.empty()
            for way, seconds in shovels.items():
                floor = median(seconds)
                yield Row(
                    what=f"moving {MESSAGES:,} messages of 1 KiB from one durable {queue_type} queue to another,"
                    f" against a shovel of RabbitMQ {node.version} {way}",
                    seconds=median(ours),
                    floor=floor,
                    limit=LIMIT * floor,
                )


@dataclass(frozen=True, kw_only=True)
class _ThereAndBack:
    """Two queues of one type. The messages begin in the one that the shovel moves to."""

    node: Node
    http: httpx.Client
    queue_type: str

    @property
    def ways(self) -> dict[str, str]:
        """How a shovel can connect, and the URI for it: as no client can, and as every client has to."""
        return {"inside the broker": "amqp://", "over TCP, as ours is": f"{self.node.amqp_url}%2F"}

    def fill(self) -> None:
        """Declare what is needed, and publish the messages."""
        with self._channel() as channel:
            for queue in self._queues:
                channel.queue_declare(queue, durable=True, arguments={"x-queue-type": self.queue_type})
                channel.exchange_declare(queue, exchange_type="fanout", durable=True)
                channel.queue_bind(queue, queue)
            properties = pika.BasicProperties(delivery_mode=2)
            for _ in range(MESSAGES):
                channel.basic_publish("", self._there, BODY, properties)
            self._wait_for(channel, self._there)

    def empty(self) -> None:
        """Delete it all."""
        with self._channel() as channel:
            for queue in self._queues:
                channel.queue_delete(queue)
                channel.exchange_delete(queue)

    def by_us(self) -> None:
        """Move them as a replacement does."""
        order = Move(
            source=self._there,
            exchange=self._here,
            leaving=Leaving.PARK,
            source_is_quorum=self.queue_type == "quorum",
        )
        node = self.node
        where = address(node.management_url, amqp=node.amqp_url, username=USERNAME, password=PASSWORD)
        moved = move(where, "/", order, progress=lambda _: None)
        assert moved.messages == MESSAGES, moved

    def by_shovel(self, uri: str) -> None:
        """Have the broker move them, and wait until it has."""
        settings = {
            "src-protocol": "amqp091",
            "src-uri": uri,
            "src-queue": self._here,
            "src-prefetch-count": PREFETCH,
            "src-delete-after": "queue-length",
            "dest-protocol": "amqp091",
            "dest-uri": uri,
            "dest-queue": self._there,
            "ack-mode": "on-confirm",
        }
        self.http.put("/api/parameters/shovel/%2F/bench", json={"value": settings}).raise_for_status()
        with self._channel() as channel:
            self._wait_for(channel, self._there)
            # It takes itself away in the end.
            while self.http.get("/api/parameters/shovel/%2F/bench").status_code != httpx.codes.NOT_FOUND:
                time.sleep(0.005)

    @property
    def _queues(self) -> tuple[str, str]:
        return self._here, self._there

    @property
    def _here(self) -> str:
        return f"here.{self.queue_type}"

    @property
    def _there(self) -> str:
        return f"there.{self.queue_type}"

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        connection = pika.BlockingConnection(pika.URLParameters(f"{self.node.amqp_url}%2F"))
        yield connection.channel()
        connection.close()

    def _wait_for(self, channel: BlockingChannel, queue: str) -> None:
        while channel.queue_declare(queue, passive=True).method.message_count < MESSAGES:
            time.sleep(0.005)
