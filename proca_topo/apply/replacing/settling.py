"""A message that was routed just before its binding went may still be on its way into the queue.

Seen with ten publishers at full speed on two cores, after RabbitMQ had answered that the binding is gone: nothing
more on 3.10.8; on 4.3.6 and 4.0.5 up to 4,800 messages, the last of them 0.13 s and 0.64 s later, each less than
0.2 s after the one before. So a queue that gets nothing is soon calm, and one that gets something is waited for.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_CALM_SECONDS: Final = 0.25
_BUSY_SECONDS: Final = 0.5
# A quorum queue cannot be told to go only if it is empty, so it is waited for once and for longer.
_BUSY_QUORUM_SECONDS: Final = 1.0


@dataclass(kw_only=True)
class Settling:
    """Since when a queue has no bindings, as far as a run can know: at the latest since it began.

    The queue that is replaced and those that hold messages meanwhile are of one type.
    """

    sleep: Callable[[float], None]
    is_quorum: bool
    _unbound_at: float = field(default_factory=time.monotonic, init=False)

    def begin(self) -> None:
        """Its bindings have gone just now."""
        self._unbound_at = time.monotonic()

    def wait(self, came: int) -> None:
        """Wait for what is on its way into a queue that is empty now, after that many messages came."""
        now = time.monotonic()
        busy = _BUSY_QUORUM_SECONDS if self.is_quorum else _BUSY_SECONDS
        calm_at = now + busy if came else self._unbound_at + _CALM_SECONDS
        self.sleep(max(0.0, calm_at - now))
