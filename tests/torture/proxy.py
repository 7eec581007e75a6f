"""A bad network: a TCP proxy that cuts, resets and stalls what goes through it."""

import random
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from threading import Event, Lock, Thread
from typing import Final

_CHUNK: Final = 4096
_ACCEPT_SECONDS: Final = 0.2
# The socket option that makes close() send a reset at once.
_RESET: Final = struct.pack("ii", 1, 0)


class Kind(StrEnum):
    """What happens to a connection."""

    CUT = "cut"
    RESET = "reset"
    STALL = "stall"


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What happens to the first connection over which `after_bytes` have gone, counted in both directions.

    A stall holds everything on that connection for `seconds` and then lets it pass.
    """

    kind: Kind
    after_bytes: int
    seconds: float = 0.0


class Proxy:
    """Listens on a port of its own and passes everything on to another one."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_ACCEPT_SECONDS)
        self.port: int = self._listener.getsockname()[1]
        self._closed = Event()
        self._lock = Lock()
        self._pairs: list[_Pair] = []
        self._fault: Fault | None = None
        self.struck = Event()
        self._acceptor = Thread(target=self._accept, name="proxy", daemon=True)
        self._acceptor.start()

    def set_fault(self, fault: Fault | None) -> None:
        """What is to happen next, once. None: nothing."""
        with self._lock:
            self._fault = fault
            self.struck.clear()

    def reset_one(self, randomly: random.Random) -> None:
        """Reset one of the open connections, if there is one."""
        with self._lock:
            self._pairs = [pair for pair in self._pairs if pair.is_open]
            victim = randomly.choice(self._pairs) if self._pairs else None
        if victim is not None:
            victim.end(with_reset=True)

    def close(self) -> None:
        """End everything."""
        self._closed.set()
        self._acceptor.join()
        self._listener.close()
        for pair in self._pairs:
            pair.end(with_reset=True)

    def due(self, pair: "_Pair", count: int) -> Fault | None:
        """Count the bytes that are about to pass; the fault that they run into, if any."""
        with self._lock:
            pair.bytes += count
            fault = self._fault
            if fault is None or pair.bytes < fault.after_bytes:
                return None
            self._fault = None
            self.struck.set()
            return fault

    def _accept(self) -> None:
        while not self._closed.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target_port), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            pair = _Pair(self, client, server)
            with self._lock:
                self._pairs = [*(pair for pair in self._pairs if pair.is_open), pair]
            pair.start()


class _Pair:
    """One connection: two sockets, and a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._sockets = (client, server)
        self._lock = Lock()
        self._passing = Event()
        self._passing.set()
        self.is_open = True
        self.bytes = 0

    def start(self) -> None:
        client, server = self._sockets
        for source, target in ((client, server), (server, client)):
            Thread(target=self._pass_on, args=(source, target), daemon=True).start()

    def end(self, *, with_reset: bool) -> None:
        with self._lock:
            if not self.is_open:
                return
            self.is_open = False
            for end in self._sockets:
                with suppress(OSError):
                    if with_reset:
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                    else:
                        end.shutdown(socket.SHUT_RDWR)
                # What reads from it in the other thread would keep a closed socket alive.
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RD)
                end.close()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(_CHUNK):
                match self._proxy.due(self, len(data)):
                    case Fault(kind=Kind.STALL, seconds=seconds):
                        self._passing.clear()
                        time.sleep(seconds)
                        self._passing.set()
                    case Fault(kind=kind):
                        # Half of it arrives: a frame that ends in the middle.
                        target.sendall(data[: len(data) // 2])
                        self.end(with_reset=kind is Kind.RESET)
                        return
                self._passing.wait()
                target.sendall(data)
        except OSError:
            pass
        finally:
            self.end(with_reset=False)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy for the length of a `with` block."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()
