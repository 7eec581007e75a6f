"""What all rounds of all lanes came to."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.torture.ledger import Account


class Kind(StrEnum):
    """The kinds of things that go wrong, as they are told in the end."""

    AT_STEP = "killed at a step"
    IN_STEP = "killed in a step"
    CUT = "connection cut"
    RESET = "connection reset"
    STALL = "connection stalled"
    BROKER = "broker killed"
    MEMBER = "node of a cluster killed"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """One thing that went wrong, where that was, and whether the command ended by it."""

    kind: Kind
    where: str
    interrupted: bool = True

    def __str__(self) -> str:
        return f"{self.kind} ({self.where})"


@dataclass
class Tally:
    """Counts from several threads."""

    rounds: int = 0
    interrupted: int = 0
    account: Account = field(default_factory=Account)
    kinds: Counter[Kind] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count_round(self, account: Account, troubles: Sequence[Trouble]) -> None:
        """One replacement is through, and its messages are accounted for."""
        with self._lock:
            self.rounds += 1
            self.interrupted += any(trouble.interrupted for trouble in troubles)
            self.account += account
            self.kinds.update(trouble.kind for trouble in troubles)

    @property
    def numbers(self) -> Mapping[str, int]:
        """All of it, by name. A replacement that was interrupted twice is one, and two of its kinds."""
        return {
            "replacements": self.rounds,
            "interrupted": self.interrupted,
            "confirmed": self.account.confirmed,
            "lost": len(self.account.lost),
            "returned": len(self.account.returned),
            "duplicates": self.account.duplicates,
            **{str(kind): self.kinds[kind] for kind in Kind if self.kinds[kind]},
        }

    def __str__(self) -> str:
        return told(self.numbers)


def told(numbers: Mapping[str, int]) -> str:
    """The numbers of a tally as one line."""
    return ", ".join(f"{name} {number}" for name, number in numbers.items())
