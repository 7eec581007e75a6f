"""Asking a broker two things at once."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def in_background(ask: Callable[[], T]) -> Future[T]:
    """Start asking. A daemon thread: whatever ends the command does not wait for a slow broker."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(ask())
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=run, name="ask-broker", daemon=True).start()
    return future
