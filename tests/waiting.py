"""Waiting in tests for what a broker or another process does in its own time."""

import time
from collections.abc import Callable
from typing import Final

_LOOK_SECONDS: Final = 0.1


def wait_until(
    is_so: Callable[[], object], what: str, *, seconds: float, look_seconds: float = _LOOK_SECONDS
) -> None:
    """Wait until something is so. Fails, and says `what` was waited for, if it does not come in time."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, f"not after {seconds} s: {what}"
        time.sleep(look_seconds)
