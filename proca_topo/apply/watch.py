"""Telling somebody how far an apply is."""

from typing import Final, Protocol


class StopRequestedError(Exception):
    """Whoever watches an apply wants it to stop after what is under way, and to say what it has done."""


class Watcher(Protocol):
    """Somebody who watches. Its methods may be called from any thread, and may raise `StopRequestedError`."""

    def stage(self, title: str, total: int) -> None:
        """A stage begins: `title` reads `queues`, `total` is the number of objects in it."""
        ...

    def advance(self, count: int) -> None:
        """So many more objects of the stage are done."""
        ...


class _Silent:
    def stage(self, title: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...


SILENT: Final[Watcher] = _Silent()
