"""What the broker promised to keep, and what came out of it again."""

import itertools
import time
from collections import Counter
from dataclasses import dataclass
from threading import Condition
from typing import Final, Self

_LOOK_SECONDS: Final = 0.2


@dataclass(frozen=True, kw_only=True)
class Account:
    """A ledger's balance. `lost` was confirmed and never came out; `returned` had no queue to go to."""

    confirmed: int = 0
    lost: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    duplicates: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(
            confirmed=self.confirmed + other.confirmed,
            lost=self.lost + other.lost,
            returned=self.returned + other.returned,
            duplicates=self.duplicates + other.duplicates,
        )


class Ledger:
    """Every message of one round, by its id. Publishers and consumers write into it from their threads.

    An id begins with a number that grows with each publish, so that its order can be told.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._confirmed: set[str] = set()
        self._returned: list[str] = []
        self._came_out: Counter[str] = Counter()
        self._first_times: list[str] = []
        self._missing: set[str] = set()
        self._taken = 0

    def confirm(self, message_id: str) -> None:
        """The broker has taken it."""
        with self._changed:
            self._confirmed.add(message_id)
            if message_id not in self._came_out:
                self._missing.add(message_id)
            self._changed.notify_all()

    def give_back(self, message_id: str) -> None:
        """The broker had no queue for it."""
        with self._changed:
            self._returned.append(message_id)
            self._changed.notify_all()

    def come_out(self, message_id: str) -> None:
        """A consumer has it and is about to acknowledge it."""
        with self._changed:
            if message_id not in self._came_out:
                self._first_times.append(message_id)
                self._missing.discard(message_id)
            self._came_out[message_id] += 1
            self._taken += 1
            self._changed.notify_all()

    @property
    def confirmed(self) -> frozenset[str]:
        """The ids that the broker has taken so far."""
        with self._changed:
            return frozenset(self._confirmed)

    def wait_for_confirmed(self, count: int, *, seconds: float) -> None:
        """Wait until so many have been confirmed."""
        with self._changed:
            enough = self._changed.wait_for(lambda: len(self._confirmed) >= count, seconds)
            assert enough, f"{len(self._confirmed)} of {count} messages were confirmed within {seconds} s"

    def balance(self, *, idle_seconds: float) -> Account:
        """The account, once everything has come out or nothing has for so long."""
        with self._changed:
            before, since = -1, time.monotonic()
            while self._missing and time.monotonic() - since < idle_seconds:
                if self._taken != before:
                    before, since = self._taken, time.monotonic()
                self._changed.wait(_LOOK_SECONDS)
            return Account(
                confirmed=len(self._confirmed),
                lost=tuple(sorted(self._missing)),
                returned=tuple(self._returned),
                duplicates=self._taken - len(self._came_out),
            )

    def out_of_order(self, among: frozenset[str]) -> tuple[str, str] | None:
        """Two neighbours, each taken when it came out first, of which the later was published before the other."""
        with self._changed:
            came = [message_id for message_id in self._first_times if message_id in among]
        for earlier, later in itertools.pairwise(came):
            if later < earlier:
                return earlier, later
        return None
