"""Several AMQP connections that one thread serves together, and waits for. Imported only together with pika."""

import logging
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from pika import SelectConnection
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.amqp.client import parameters
from proca_topo.broker.amqp.errors import AMQP_PROBLEMS, amqp_failure
from proca_topo.errors import BrokerError

_CLOSE_SECONDS: Final = 5.0
_CUT_SECONDS: Final = 1.0


class Lines:
    """The connections to one vhost, and the loop that serves them. A context manager that closes them all."""

    def __init__(self, address: BrokerAddress, vhost: str) -> None:
        # pika logs each failure with a traceback before it tells it; here it is told once.
        logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
        self._address = address
        self._vhost = vhost
        self._loop = _GatheringLoop()
        self._lines: list[_Line] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        """Close the connections, the first one first. One whose broker does not answer is cut off."""
        if kind is not None and not issubclass(kind, Exception):
            # A signal's handler raised it, maybe in the middle of pika, which cannot be relied on then.
            self._loop.cut()
            return
        for line in self._lines:
            line.close()
        if not self.serve_until(self._all_closed, _CLOSE_SECONDS):
            self._loop.cut()
            self.serve_until(self._all_closed, _CUT_SECONDS)
        self._loop.close()

    @property
    def failure(self) -> BrokerError | None:
        """What has ended a connection."""
        return next((line.failure for line in self._lines if line.failure is not None), None)

    def open(self, name: str) -> Channel:
        """A connection that RabbitMQ shows by this name, and a channel on it. Raises BrokerError."""
        line = _Line(self._address, self._vhost, name, self._loop)
        self._lines.append(line)
        channel = self.channel(line.connection)
        self._loop.gather()
        return channel

    def channel(self, connection: SelectConnection) -> Channel:
        """One more channel. Raises BrokerError if the connection is lost meanwhile."""
        opened: list[Channel] = []

        def take(channel: Channel) -> None:
            opened.append(channel)
            self.wake()

        if connection.is_open:
            connection.channel(on_open_callback=take)
        else:
            connection.add_on_open_callback(lambda _: connection.channel(on_open_callback=take))
        while not opened:
            self.serve_until(lambda: bool(opened) or self.failure is not None, _CLOSE_SECONDS)
            if self.failure is not None:
                raise self.failure
        return opened[0]

    def serve_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Serve the connections until the condition holds, which is looked at after each `wake`, or for so long.
        Whether it holds.
        """
        deadline = time.monotonic() + seconds
        while not condition() and (left := deadline - time.monotonic()) > 0:
            timer = self._loop.call_later(left, self.wake)
            try:
                self._loop.start()
            finally:
                self._loop.remove_timeout(timer)
        return condition()

    def wake(self) -> None:
        """Something has happened that somebody may wait for."""
        self._loop.stop()

    def _all_closed(self) -> bool:
        return all(line.is_closed for line in self._lines)


class _Line:
    """One connection, and what has ended it."""

    def __init__(self, address: BrokerAddress, vhost: str, name: str, loop: "_GatheringLoop") -> None:
        self.failure: BrokerError | None = None
        self.is_closed = False
        self._address = address
        self._vhost = vhost
        self._loop = loop
        self._is_closing = False
        self.connection = SelectConnection(
            parameters(address, vhost, {"product": "proca-topo", "connection_name": name}),
            on_open_error_callback=lambda _, error: self._ended(error, connected=False),
            on_close_callback=lambda _, reason: self._ended(reason, connected=True),
            custom_ioloop=loop,
        )

    def close(self) -> None:
        """Begin to close it."""
        self._is_closing = True
        if not (self.connection.is_closing or self.connection.is_closed):
            self.connection.close()

    def _ended(self, reason: Any, *, connected: bool) -> None:  # noqa: ANN401 - pika tells it in many ways
        self.is_closed = True
        if not self._is_closing:
            problem = reason if isinstance(reason, AMQP_PROBLEMS) else ConnectionError(str(reason))
            self.failure = amqp_failure(problem, self._address, self._vhost, connected=connected)
        self._loop.stop()


class _GatheringLoop(IOLoop):  # type: ignore[misc]  # pika has no types
    """pika's loop, where the kernel gathers what is sent, and which can cut connections off.

    pika sends a message as three frames, each at once: as three packets they cost broker and client more than all
    the rest (moving from a quorum queue took twice as long). Not so while a connection is opened: there each side
    waits for the other, and the kernel would hold its words back for 40 ms.
    """

    def __init__(self) -> None:
        self._watched: set[int] = set()
        super().__init__()

    def add_handler(self, fd: int, handler: Callable[[int, int], None], events: int) -> None:
        """Watch a socket."""
        super().add_handler(fd, handler, events)
        self._watched.add(fd)

    def remove_handler(self, fd: int) -> None:
        """Watch it no longer."""
        self._watched.discard(fd)
        super().remove_handler(fd)

    def gather(self) -> None:
        """From now on, on every connection that is open."""
        for connection in self._connections():
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

    def cut(self) -> None:
        """Have every connection end as if the other side had gone."""
        for connection in self._connections():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _connections(self) -> Iterator[socket.socket]:
        for fd in self._watched:
            with _same_socket(fd) as connection:
                if connection.family in {socket.AF_INET, socket.AF_INET6}:
                    yield connection


def _same_socket(fd: int) -> socket.socket:
    """Another handle of a socket that is pika's own."""
    return socket.socket(fileno=os.dup(fd))
