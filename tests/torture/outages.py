"""A broker that goes down under several lanes at once."""

import itertools
import threading
from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

import httpx

from proca_topo.sandbox.node import Node

_UP_SECONDS: Final = 900
_TRIES: Final = 20

Result = TypeVar("Result")


class Outages:
    """The times in which a broker is down, known to all lanes on it. Without a node nobody can kill it."""

    def __init__(self, node: Node | None = None) -> None:
        self._node = node
        self._one_at_a_time = threading.Lock()
        self._changed = threading.Condition()
        self._is_up = True
        self._count = 0
        self._there: Counter[int] = Counter()
        self._is_over = False

    @property
    def count(self) -> int:
        """How many have begun so far."""
        with self._changed:
            return self._count

    def kill(self, then: Callable[[], None]) -> None:
        """Kill the broker at once, do something, and start it again."""
        assert self._node is not None
        with self._one_at_a_time:
            with self._changed:
                self._count, self._is_up = self._count + 1, False
                self._changed.notify_all()
            try:
                self._node.kill()
                then()
                self._node.restart()
            finally:
                with self._changed:
                    self._is_up = True
                    self._changed.notify_all()

    def give_up(self) -> None:
        """There are no more: the lane that makes them may have failed. Nobody waits for one any longer."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for(self, number: int, *, or_until: Callable[[], bool], look_seconds: float = 0.05) -> None:
        """Wait until so many have begun, or something else is so. Raises `AssertionError` where none will come."""
        with self._changed:
            self._there[number] += 1
            self._changed.notify_all()
            while self._count < number and not or_until():
                assert not self._is_over, f"outage {number} did not come: another lane failed"
                self._changed.wait(look_seconds)

    def wait_for_lanes(self, count: int) -> None:
        """Wait until so many lanes wait for the next outage. Raises `AssertionError` where they do not come."""
        with self._changed:
            number = self._count + 1
            self._changed.wait_for(lambda: self._there[number] >= count or self._is_over, _UP_SECONDS)
            there = self._there[number]
            assert there >= count, f"{there} of {count} other lanes came to outage {number}"

    def undisturbed(self, act: Callable[[], Result]) -> Result:
        """What `act` gives, or raises, where no outage comes between: it is done again until that is so."""
        for left in itertools.count(_TRIES, -1):
            count = self._wait_until_up()
            try:
                result = act()
            except (AssertionError, httpx.HTTPError):
                if count == self.count or not left:
                    raise
            else:
                if count == self.count or not left:
                    return result
        raise AssertionError("it has been returned or raised")

    def _wait_until_up(self) -> int:
        with self._changed:
            assert self._changed.wait_for(lambda: self._is_up, _UP_SECONDS), "the broker did not come back"
            return self._count
