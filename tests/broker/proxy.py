"""A way to a broker that goes slow or silent when told to. A silent one takes what is sent and answers nothing."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

_CHUNK = 65_536


class Proxy:
    """Forwards each connection to the broker, in both directions, until `fall_silent`."""

    def __init__(self, amqp_url: str) -> None:
        url = urlsplit(amqp_url)
        self._broker = (url.hostname or "", url.port or 0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        self._is_silent = False
        self.pause_seconds = 0.0
        """Before each piece of what the broker says."""
        self.cut_at: bytes | None = None
        """What ends the connection instead of getting through."""
        self._ended = threading.Semaphore(0)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    def fall_silent(self) -> None:
        """What the broker says gets no further from now on."""
        self._is_silent = True

    def wait_for_ends(self, count: int) -> bool:
        """Wait, but not for ever, until so many clients have gone. Whether they have."""
        return all(self._ended.acquire(timeout=60) for _ in range(count))

    def close(self) -> None:
        """End all connections."""
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                broker = socket.create_connection(self._broker)
                self._sockets += [client, broker]
                threading.Thread(target=self._to_broker, args=(client, broker), daemon=True).start()
                threading.Thread(target=self._to_client, args=(broker, client), daemon=True).start()

    def _to_broker(self, client: socket.socket, broker: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(_CHUNK):
                if self.cut_at is not None and self.cut_at in data:
                    client.shutdown(socket.SHUT_RDWR)
                elif not self._is_silent:
                    broker.sendall(data)
        self._ended.release()
        # Another thread still reads from it: without this, the broker would not hear of the end until it speaks.
        with suppress(OSError):
            broker.shutdown(socket.SHUT_RDWR)
        broker.close()

    def _to_client(self, broker: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := broker.recv(_CHUNK):
                time.sleep(self.pause_seconds)
                if not self._is_silent:
                    client.sendall(data)


@contextmanager
def proxy(amqp_url: str) -> Iterator[Proxy]:
    """One for the length of a `with` block."""
    made = Proxy(amqp_url)
    try:
        yield made
    finally:
        made.close()
