"""How far an apply is, on stderr: a bar at a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from proca_topo.cli import output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# What is done sooner needs no bar.
_BAR_AFTER_SECONDS: Final = 1.0
_LINE_EVERY_SECONDS: Final = 10.0
_RATE_AFTER_SECONDS: Final = 0.5


class _Shown(Protocol):
    def stage(self, title: str, total: int) -> None: ...

    def advance(self, count: int) -> None: ...

    def end(self) -> None: ...


@contextmanager
def progress() -> Iterator[_Shown]:
    """A watcher for the time of an apply."""
    watcher: _Shown = _Bar() if sys.stderr.isatty() else _Log()
    try:
        yield watcher
    finally:
        watcher.end()


class _Bar:
    """A bar for each stage, from the second second on."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._since = time.monotonic()
        self._stage = ("", 0)
        self._done = 0
        self._began = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def stage(self, title: str, total: int) -> None:
        with self._lock:
            self._stage, self._done, self._task = (title, total), 0, None
            self._began = time.monotonic()
            self._show()

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._show()

    def end(self) -> None:
        with self._lock:
            if self._bar is not None:
                self._bar.stop()

    def _show(self) -> None:
        if time.monotonic() - self._since < _BAR_AFTER_SECONDS:
            return
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.start()
        title, total = self._stage
        if self._task is None:
            self._task = self._bar.add_task(title, total=total or None, rate="")
        self._bar.update(self._task, completed=self._done, rate=_rate(self._done, self._began))


class _Log:
    """A line every ten seconds at most, for logs."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = time.monotonic()
        self._stage = ("", 0)
        self._done = 0
        self._began = time.monotonic()

    def stage(self, title: str, total: int) -> None:
        with self._lock:
            self._stage, self._done = (title, total), 0
            self._began = time.monotonic()
            self._show()

    def advance(self, count: int) -> None:
        with self._lock:
            self._done += count
            self._show()

    def end(self) -> None:
        pass

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._last >= _LINE_EVERY_SECONDS:
            self._last = now
            title, total = self._stage
            output.say(f"{title}: {self._done:,} of {total:,}{self._pace(total)}" if total else title)

    def _pace(self, total: int) -> str:
        rate = _rate(self._done, self._began)
        if not rate or self._done >= total:
            return ""
        left = (total - self._done) * (time.monotonic() - self._began) / self._done
        return f", {rate}, {left:,.0f} s left"


def _new_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(stderr=True),
    )


def _rate(done: int, since: float) -> str:
    """How many a second; nothing before that can be told."""
    seconds = time.monotonic() - since
    return f"{done / seconds:,.0f}/s" if done and seconds >= _RATE_AFTER_SECONDS else ""
