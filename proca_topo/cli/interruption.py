"""Ctrl-C and SIGTERM while an apply is under way: it stops where it can say what it has done."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

from proca_topo.apply.watch import StopRequestedError, Watcher

_HEARD: Final = (
    "Interrupted: stopping after the request under way, then reading what was done. Again ends it at once."
)


class Interruption:
    """A watcher that hands on to another one, and has the apply stop once a signal asked for it."""

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch
        self.number: int | None = None

    def stage(self, title: str, total: int) -> None:
        self._stop_if_asked()
        self._watch.stage(title, total)

    def advance(self, count: int) -> None:
        self._watch.advance(count)
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self.number is not None:
            raise StopRequestedError


@contextmanager
def interruptible(watch: Watcher) -> Iterator[Interruption]:
    """The watcher for an apply that the first Ctrl-C or SIGTERM ends in good order, and the second at once.

    A signal that whoever started us wants ignored (nohup, a background job) stays ignored.
    """
    made = Interruption(watch)
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, _frame: FrameType | None) -> None:
        restore()
        made.number = number
        # Not through sys.stderr: the signal may have come in the middle of its writing. If stderr is gone nobody
        # misses the words.
        with suppress(OSError):
            os.write(sys.stderr.fileno(), f"{_HEARD}\n".encode())

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield made
    finally:
        restore()


class Ending:
    """Signals that end what goes on, wherever it is.

    Only the first raises: another one on the way from there to what cleans up could have that left out. It is only
    told, as it is while it is `cleaning` up.
    """

    def __init__(self, end: Callable[[int], BaseException], told: str) -> None:
        self.cleaning = False
        self._end = end
        self._told = told
        self._heard: int | None = None

    def hear(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        is_first = self._heard is None
        self._heard = self._heard or number
        if is_first and not self.cleaning:
            raise self._end(self._heard)
        with suppress(OSError):
            os.write(sys.stderr.fileno(), f"{self._told}\n".encode())

    def check(self) -> None:
        """End it here. Python drops what a signal's handler raises while it frees something."""
        if self._heard is not None:
            raise self._end(self._heard)


class Checked:
    """A watcher that hands on to another one, and ends where a signal did not."""

    def __init__(self, watch: Watcher, ending: Ending) -> None:
        self._watch = watch
        self._ending = ending

    def stage(self, title: str, total: int) -> None:
        self._ending.check()
        self._watch.stage(title, total)

    def advance(self, count: int) -> None:
        self._watch.advance(count)
        self._ending.check()


@contextmanager
def ended_by_signals(end: Callable[[int], BaseException], told: str) -> Iterator[Ending]:
    """In this block the first Ctrl-C, SIGTERM or SIGHUP raises what `end` makes of it, unless it is cleaning up by
    then; the others only say `told`.

    A signal that whoever started us wants ignored stays ignored.
    """
    ending = Ending(end, told)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ending.hear)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
