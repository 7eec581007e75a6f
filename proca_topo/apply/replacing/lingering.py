"""Holding queues that RabbitMQ still takes for those of a connection that is gone."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from proca_topo.errors import InUseError

# A connection that broke may hold on to a queue until RabbitMQ has noticed.
_LINGER_SECONDS: Final = 20.0
_PAUSE_SECONDS: Final = 0.1

T = TypeVar("T")


def once_let_in(act: Callable[[], T], sleep: Callable[[float], None]) -> T:
    """Do what needs a queue for oneself, once nobody else has it. Raises InUseError if that does not come."""
    deadline = time.monotonic() + _LINGER_SECONDS
    while True:
        try:
            return act()
        except InUseError:
            if time.monotonic() > deadline:
                raise
            sleep(_PAUSE_SECONDS)
