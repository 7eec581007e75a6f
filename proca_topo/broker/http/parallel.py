"""Doing the same with many objects at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def each(pool: ThreadPoolExecutor, work: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """The results in the order of the items.

    Where one of them raises, what was not begun is left, and what was is waited for: whoever reads the broker then
    sees all that was done. `ThreadPoolExecutor.map` does not wait.
    """
    started = [pool.submit(work, item) for item in items]
    try:
        return [one.result() for one in started]
    except Exception:
        wait([one for one in started if not one.cancel()])
        raise
