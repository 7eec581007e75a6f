"""What became of each route contract."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from proca_topo.topology.route_contracts import RouteContract


class State(StrEnum):
    """Whether a contract is kept."""

    KEPT = "kept"
    BROKEN = "broken"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The queues that a message came to, and why that is not known for certain, in words."""

    queues: frozenset[str] = frozenset()
    doubts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A contract and what really happens.

    | there are doubts | the queues are those promised | state     |
    |------------------|-------------------------------|-----------|
    | yes              | any                           | undecided |
    | no               | yes                           | kept      |
    | no               | no                            | broken    |
    """

    contract: RouteContract
    outcome: Outcome

    @property
    def state(self) -> State:
        """As the table says."""
        if self.outcome.doubts:
            return State.UNDECIDED
        return State.KEPT if self.outcome.queues == self.contract.reaches else State.BROKEN

    @property
    def missing(self) -> tuple[str, ...]:
        """The queues that it should have come to, sorted."""
        return tuple(sorted(self.contract.reaches - self.outcome.queues))

    @property
    def unexpected(self) -> tuple[str, ...]:
        """The queues that it should not have come to, sorted."""
        return tuple(sorted(self.outcome.queues - self.contract.reaches))


def all_kept(verdicts: Iterable[Verdict]) -> bool:
    """Whether every contract is known to be kept."""
    return all(verdict.state is State.KEPT for verdict in verdicts)
