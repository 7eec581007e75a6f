"""Consumers as they are: they acknowledge, they reject, they die, they come back."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final
from urllib.parse import urlsplit

import pika
from pika.exceptions import AMQPError

from tests.torture.ledger import Ledger
from tests.torture.proxy import Proxy, proxy_to
from tests.torture.world import QUEUE

_PREFETCH: Final = 50
_LOOK_SECONDS: Final = 0.1
# Each refusal costs a connection, and several lanes share the machine.
_RETRY_SECONDS: Final = 1.0
_END_SECONDS: Final = 180


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How consumers behave."""

    rejects: float = 0.0
    """The share of what they reject, where that goes round a retry circuit and is not lost."""
    seconds_to_death: float = 0.0
    """On average, until one of the connections is reset with messages that are not acknowledged. 0: never."""


GOOD: Final = Manners()
DYING: Final = Manners(seconds_to_death=1.0)
BAD: Final = Manners(rejects=0.1, seconds_to_death=1.0)


class Consumer:
    """Consumes a queue in a thread of its own; refused, lost or cancelled, it comes back."""

    def __init__(self, url: str, queue: str, ledger: Ledger, manners: Manners, randomly: random.Random) -> None:
        self._parameters = pika.URLParameters(url)
        self._queue = queue
        self._ledger = ledger
        self._rejects = manners.rejects if queue == QUEUE else 0
        self._randomly = randomly
        self._ended = Event()
        self._thread = Thread(target=self._run, name=f"consumer of {queue}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Tell it to end; `join` waits for it."""
        self._ended.set()

    def join(self) -> None:
        self._thread.join(_END_SECONDS)
        assert not self._thread.is_alive(), f"{self._thread.name} did not end"

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._consume()
            except (AMQPError, OSError):
                # 403 while a replacement has the queue, 404 while there is none, or the connection has gone.
                self._ended.wait(self._randomly.uniform(0, _RETRY_SECONDS))

    def _consume(self) -> None:
        connection = pika.BlockingConnection(self._parameters)
        try:
            channel = connection.channel()
            channel.basic_qos(prefetch_count=_PREFETCH)
            for method, properties, _body in channel.consume(self._queue, inactivity_timeout=_LOOK_SECONDS):
                if self._ended.is_set():
                    break
                if method is not None:
                    self._take(channel, method.delivery_tag, properties.message_id)
        finally:
            if connection.is_open:
                connection.close()

    def _take(self, channel: Any, tag: int, message_id: str) -> None:
        if self._randomly.random() < self._rejects:
            channel.basic_reject(tag, requeue=False)
            return
        self._ledger.come_out(message_id)
        channel.basic_ack(tag)


@contextmanager
def consumers_of(
    url: str, queues: Sequence[str], ledger: Ledger, manners: Manners, randomly: random.Random
) -> Iterator[None]:
    """A consumer for each entry (a queue may stand there twice), for the length of a `with` block.

    They go through a proxy, whose connections can be reset as those of a consumer whose machine fails.
    """
    port = urlsplit(url).port
    assert port is not None
    ended = Event()
    with proxy_to(port) as proxy:
        through = url.replace(f":{port}/", f":{proxy.port}/")
        consumers = [
            Consumer(through, queue, ledger, manners, random.Random(randomly.random())) for queue in queues
        ]
        reaper = Thread(target=_reap, args=(proxy, ended, manners, randomly), daemon=True)
        reaper.start()
        try:
            yield
        finally:
            ended.set()
            reaper.join()
            for consumer in consumers:
                consumer.end()
            for consumer in consumers:
                consumer.join()


def _reap(proxy: Proxy, ended: Event, manners: Manners, randomly: random.Random) -> None:
    if not manners.seconds_to_death:
        return
    while not ended.wait(randomly.expovariate(1 / manners.seconds_to_death)):
        proxy.reset_one(randomly)
