"""Being the only apply in a vhost, or waiting until one can be."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker, Lock
from proca_topo.errors import BrokerError, LockedError, RefusedError, VhostMissingError

_PAUSE_SECONDS = 0.5


@contextmanager
def locked(broker: Broker, vhost: str, *, patience_seconds: float, say: Callable[[str], None]) -> Iterator[Lock]:
    """Hold the vhost's lock, after waiting for it so long; `say` is told once if there is a wait.

    Raises RefusedError: another apply has it, or whether one has cannot be known; VhostMissingError. While it
    waits the broker may be gone and come back.
    """
    lock = _acquired(broker, vhost, patience_seconds, say)
    try:
        yield lock
    finally:
        lock.release()


def _acquired(broker: Broker, vhost: str, patience_seconds: float, say: Callable[[str], None]) -> Lock:
    deadline = time.monotonic() + patience_seconds
    waiting = False
    while True:
        try:
            return broker.lock(vhost)
        except LockedError as held:
            # To see whose it is may have taken longer than the patience, and the other one be done by now.
            if patience_seconds <= 0 or (waiting and time.monotonic() >= deadline):
                remedy = "it still is, after the wait" if waiting else "--lock-timeout 5m waits for it"
                raise RefusedError(f"{held}; {remedy}. Nothing was applied") from held
            if not waiting:
                say(f"Waiting: {held}.")
                waiting = True
        except VhostMissingError:
            raise
        except (BrokerError, RefusedError):
            # Whoever waits outlives a restart of the broker, which refuses good passwords too meanwhile (4.3).
            if not waiting or time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


class Guarded:
    """A watcher that hands on to another one, and ends the apply if its lock was lost."""

    def __init__(self, watch: Watcher, lock: Lock) -> None:
        self._watch = watch
        self._lock = lock

    def stage(self, title: str, total: int) -> None:
        """A stage begins."""
        self._lock.check()
        self._watch.stage(title, total)

    def advance(self, count: int) -> None:
        """So many more objects are done."""
        self._lock.check()
        self._watch.advance(count)
