"""Changes to a library, of which all threads have one and the same."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from threading import Lock


def shared(change: Callable[[], AbstractContextManager[None]]) -> Callable[[], AbstractContextManager[None]]:
    """A change for the time of a block, as many threads may be in at once: made for the first one, and undone when
    the last one leaves.
    """
    lock, made = Lock(), ExitStack()
    inside = 0

    @contextmanager
    def block() -> Iterator[None]:
        nonlocal inside
        with lock:
            if not inside:
                made.enter_context(change())
            inside += 1
        try:
            yield
        finally:
            with lock:
                inside -= 1
                if not inside:
                    made.close()

    return block
