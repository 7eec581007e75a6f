"""A quorum queue that has just been declared forgets everything, confirmed or not, if its node is killed.

Ra, which keeps such queues, writes the name of a new one to the disk up to a second later. If the node is killed
before that, the queue is there again afterwards, and empty. Seen on 3.10.8, 4.0.5 and 4.3.6 with RabbitMQ alone:
each time up to 0.8 s after the declaration, never from 1 s on, also while eight others were declared each second.
Classic queues forget nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from proca_topo.topology.nouns import CLASSIC, Queue

_YOUNG_SECONDS: Final = 2.0


@dataclass(frozen=True, kw_only=True)
class Youth:
    """Since when each queue is there, as far as a run can know: at the latest since it began."""

    sleep: Callable[[float], None]
    _begun: float = field(default_factory=time.monotonic)
    _declared: dict[str, float] = field(default_factory=dict)

    def begins(self, queue: Queue) -> None:
        """It has been declared just now."""
        self._declared[queue.name] = time.monotonic()

    def is_known(self, queue: Queue) -> bool:
        """Whether this run has declared it."""
        return queue.name in self._declared

    def pass_for(self, queue: Queue) -> None:
        """Wait until RabbitMQ keeps what this queue, as the broker shows it, has confirmed."""
        if queue.type != CLASSIC:
            since = self._declared.get(queue.name, self._begun)
            self.sleep(max(0.0, since + _YOUNG_SECONDS - time.monotonic()))
