"""Publishers that go on whatever happens to their channels, and write down what was confirmed."""

import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Final

import pika
from pika.exceptions import AMQPError, UnroutableError

from tests.live import Live

_JOIN_SECONDS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Way:
    """Where messages are published, and whether they are to be returned if no queue takes them."""

    name: str
    exchange: str
    mandatory: bool


@dataclass(kw_only=True)
class Traffic:
    """What was confirmed, by way and number; how many messages were returned; and for how many seconds each
    publisher whose channel was closed got nothing confirmed.
    """

    confirmed: set[str] = field(default_factory=set)
    returned: int = 0
    cuts: list[float] = field(default_factory=list)


@contextmanager
def published(live: Live, ways: Sequence[Way], *, key: str) -> Iterator[Traffic]:
    """One publisher for each way, as fast as its messages are confirmed, as long as this lasts."""
    traffic, ended = Traffic(), Event()

    def publish(way: Way) -> None:
        numbers = itertools.count()
        lost_at: float | None = None
        while not ended.is_set():
            with suppress(AMQPError), live.channel() as channel:
                for number in numbers:
                    try:
                        channel.basic_publish(
                            way.exchange,
                            key,
                            f"{way.name} {number}".encode(),
                            pika.BasicProperties(headers={"n": 1}),
                            mandatory=way.mandatory,
                        )
                    except UnroutableError:
                        traffic.returned += 1
                        continue
                    except AMQPError:
                        lost_at = lost_at or time.monotonic()
                        raise
                    traffic.confirmed.add(f"{way.name} {number}")
                    if lost_at is not None:
                        traffic.cuts.append(time.monotonic() - lost_at)
                        lost_at = None
                    if ended.is_set():
                        return

    threads = [Thread(target=publish, args=(way,), daemon=True) for way in ways]
    for thread in threads:
        thread.start()
    try:
        yield traffic
    finally:
        ended.set()
        for thread in threads:
            thread.join(_JOIN_SECONDS)
            assert not thread.is_alive(), "a publisher has not ended"


def contents(live: Live, queue: str) -> list[str]:
    """The bodies of all messages, which are taken out."""
    found: list[str] = []
    with live.channel() as channel:
        count = channel.queue_declare(queue, passive=True).method.message_count
        coming = channel.consume(queue, auto_ack=True, inactivity_timeout=_JOIN_SECONDS)
        while len(found) < count:
            _, _, body = next(coming)
            assert body is not None, f"{queue} has {count} messages, and only {len(found)} came"
            found.append(body.decode())
    return found
