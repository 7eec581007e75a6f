"""Several replacements at the same time, told of as one stage."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Final, TypeVar

from proca_topo.apply.watch import StopRequestedError, Watcher
from proca_topo.plan.changes import Replace

# Most of a replacement is waiting. More connections at once make a broker of two cores no faster (measured).
_AT_ONCE: Final = 8

_Made = TypeVar("_Made")


class _Part:
    """Watches one of several: passes on that it goes on, and what makes it stop."""

    def __init__(self, watch: Watcher) -> None:
        self._watch = watch
        self.is_over = False

    def stage(self, title: str, total: int) -> None:
        del title, total
        self.advance(0)

    def advance(self, count: int) -> None:
        del count
        if self.is_over:
            raise StopRequestedError
        self._watch.advance(0)


def make_together(
    changes: Sequence[Replace], make: Callable[[Replace, Watcher], _Made], watch: Watcher
) -> Iterator[tuple[Replace, _Made]]:
    """Make changes at once; each with what was made of it, as it comes to its end.

    What one of them raises is raised here, after the others have stopped at their next step.
    """
    watch.stage(f"replacing {len(changes)} queues, {_AT_ONCE} at once", len(changes))
    part = _Part(watch)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        made = {threads.submit(make, change, part): change for change in changes}
        try:
            for one in as_completed(made):
                yield made[one], one.result()
                watch.advance(1)
        finally:
            part.is_over = True
            threads.shutdown(cancel_futures=True)
