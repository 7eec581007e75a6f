"""Signals in a block of code."""

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_Handler = Any  # what signal.getsignal returns


@contextmanager
def handling(handler: _Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Handle signals in a block. Those that whoever started us wants ignored (nohup) stay ignored."""
    before = {number: signal.getsignal(number) for number in numbers}
    for number, previous in before.items():
        if previous is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def blocked(numbers: Iterable[signal.Signals]) -> Iterator[Callable[[], None]]:
    """Signals that come in a block wait for whoever asks for them, or for its end.

    The value lets them through, as a child process, which inherits this, has to.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)

    def unblock() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

    try:
        yield unblock
    finally:
        unblock()
