"""A publisher that never gives up: confirms, mandatory, a steady rate, whatever happens to its connection."""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Final

import pika
from pika.exceptions import AMQPError

from tests.torture.ledger import Ledger

_TICK_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 600
# A broker that has stopped answering is not sent ever more.
_UNCONFIRMED: Final = 500
_BURST_PER_TICK: Final = 50
_PERSISTENT: Final = 2


@dataclass(frozen=True, kw_only=True)
class Route:
    """Where messages are published. The name is part of their ids."""

    name: str
    exchange: str
    key: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Publisher:
    """Publishes to each route in turn, in a thread of its own. Starts paused.

    What is not confirmed when a connection is lost may have arrived or not: it stands in no ledger.
    """

    def __init__(self, urls: Sequence[str], routes: Sequence[Route], *, rate: int) -> None:
        self._urls = itertools.cycle(urls)
        self._routes = itertools.cycle(routes)
        self._numbers = itertools.count()
        self._per_tick = max(1, round(rate * _TICK_SECONDS))
        self._burst = 0
        self._ledger = Ledger()
        self._running = Event()
        self._idle = Event()
        self._ended = Event()
        self._thread = Thread(target=self._run, name="publisher", daemon=True)
        self._thread.start()

    def resume(self, ledger: Ledger, *, burst: int = 0) -> None:
        """Publish, and write into this ledger. So many messages go faster than the others."""
        self._ledger = ledger
        self._burst = burst
        self._running.set()

    def pause(self) -> None:
        """Stop, and wait until everything is confirmed or its connection lost."""
        self._running.clear()
        # Not in `resume`, just before which the thread may have seen that it was not to run.
        self._idle.clear()
        assert self._idle.wait(_PAUSE_SECONDS), f"unconfirmed messages after {_PAUSE_SECONDS} s"

    def end(self) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(_PAUSE_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            _Session(self, next(self._urls)).run()
            self.rest(nothing_unconfirmed=True)
            self._ended.wait(_RETRY_SECONDS)

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def ledger(self) -> Ledger:
        return self._ledger

    def rest(self, *, nothing_unconfirmed: bool) -> None:
        """Told by the session every now and then."""
        if nothing_unconfirmed and not self._running.is_set():
            self._idle.set()

    def due(self, unconfirmed: int) -> Iterator[tuple[str, Route]]:
        """What is to be published now."""
        if not self._running.is_set():
            return
        wanted = max(self._per_tick, min(self._burst, _BURST_PER_TICK))
        for _ in range(min(wanted, _UNCONFIRMED - unconfirmed)):
            self._burst -= 1
            route = next(self._routes)
            yield f"{next(self._numbers):09d}.{route.name}", route


class _Session:
    """One connection of a publisher, from its opening to its end."""

    def __init__(self, publisher: Publisher, url: str) -> None:
        self._publisher = publisher
        self._unconfirmed: dict[int, str] = {}
        self._returned: set[str] = set()
        self._tag = 0
        self._channel: Any = None
        self._connection = pika.SelectConnection(
            pika.URLParameters(url),
            on_open_callback=self._opened,
            on_open_error_callback=self._closed,
            on_close_callback=self._closed,
        )

    def run(self) -> None:
        self._connection.ioloop.start()

    def _opened(self, connection: pika.SelectConnection) -> None:
        connection.channel(on_open_callback=self._channel_opened)

    def _closed(self, connection: pika.SelectConnection, _reason: BaseException) -> None:
        connection.ioloop.stop()

    def _channel_opened(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._gave_back)
        channel.confirm_delivery(self._answered)
        self._tick()

    def _channel_closed(self, _channel: Any, _reason: BaseException) -> None:
        if self._connection.is_open:
            self._connection.close()

    def _gave_back(self, _channel: Any, _method: Any, properties: pika.BasicProperties, _body: bytes) -> None:
        self._returned.add(properties.message_id)
        self._publisher.ledger.give_back(properties.message_id)

    def _answered(self, frame: Any) -> None:
        method = frame.method
        tags = [tag for tag in self._unconfirmed if tag <= method.delivery_tag] if method.multiple else []
        for tag in tags or [method.delivery_tag]:
            message_id = self._unconfirmed.pop(tag)
            # The broker also confirms what it has returned, after it.
            if isinstance(method, pika.spec.Basic.Ack) and message_id not in self._returned:
                self._publisher.ledger.confirm(message_id)

    def _tick(self) -> None:
        if self._publisher.has_ended:
            if self._connection.is_open:
                self._connection.close()
            return
        if not self._channel.is_open:
            return
        for message_id, route in self._publisher.due(len(self._unconfirmed)):
            self._tag += 1
            self._unconfirmed[self._tag] = message_id
            try:
                self._publish(message_id, route)
            except AMQPError:
                return
        self._publisher.rest(nothing_unconfirmed=not self._unconfirmed)
        self._connection.ioloop.call_later(_TICK_SECONDS, self._tick)

    def _publish(self, message_id: str, route: Route) -> None:
        self._channel.basic_publish(
            route.exchange,
            route.key,
            message_id.encode(),
            pika.BasicProperties(delivery_mode=_PERSISTENT, message_id=message_id, headers=dict(route.headers)),
            mandatory=True,
        )


@contextmanager
def publisher_to(urls: Sequence[str], routes: Sequence[Route], *, rate: int) -> Iterator[Publisher]:
    """A publisher for the length of a `with` block."""
    publisher = Publisher(urls, routes, rate=rate)
    try:
        yield publisher
    finally:
        publisher.end()
