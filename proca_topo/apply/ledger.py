"""What is known so far of each change of a plan that is being applied."""

from collections.abc import Iterable, Sequence
from typing import Final

from proca_topo.apply.report import Result, Status, waiting_or_held
from proca_topo.broker.protocol import Failure
from proca_topo.plan.changes import Change, Plan, Replace, WaitsFor
from proca_topo.topology.nouns import Binding, Noun, kind_of

_NOT_MADE: Final = (Status.FAILED, Status.NOT_TRIED)


class Ledger:
    """The results of one apply, written as they come. The last word on a change counts."""

    def __init__(self, plan: Plan) -> None:
        self._changes = {change.noun: change for change in plan.changes}
        self._failed_names: set[tuple[str, str]] = set()
        self._results: dict[Noun, Result] = {
            change.noun: result for change in plan.changes if (result := waiting_or_held(change)) is not None
        }

    def applied(self, changes: Iterable[Change]) -> None:
        """Changes that were made."""
        for change in changes:
            self._results[change.noun] = Result(change=change, status=Status.APPLIED)

    def note(self, change: Change, status: Status, reason: str, *, waits_for: WaitsFor = WaitsFor.TIME) -> None:
        """What became of a change that was not made, and why."""
        self._results[change.noun] = Result(change=change, status=status, reason=reason, waits_for=waits_for)
        if status in _NOT_MADE and not isinstance(change.noun, Binding):
            self._failed_names.add((kind_of(change.noun), change.noun.name))

    def begun(self, change: Replace, how_far: str) -> None:
        """A replacement that is not finished: what stopped it, if that is known, and what it has left behind."""
        before = self._results.get(change.noun)
        reason = how_far if before is None or before.reason is None else f"{before.reason}; {how_far}"
        self.note(change, Status.FAILED, reason)

    def failed(self, failures: Iterable[Failure]) -> None:
        """Changes that the broker refused."""
        for failure in failures:
            self.note(self._changes[failure.noun], Status.FAILED, failure.reason)

    def status(self, noun: Noun) -> Status | None:
        """What is known of the change of an object; None if nothing yet."""
        result = self._results.get(noun)
        return None if result is None else result.status

    def failed_name(self, kind: str, name: str) -> bool:
        """Whether the change of the object of this kind and name failed, or was not tried."""
        return (kind, name) in self._failed_names

    def not_made(self) -> frozenset[Noun]:
        """The objects whose changes failed or were not tried."""
        return frozenset(noun for noun, result in self._results.items() if result.status in _NOT_MADE)

    def any_not_made(self) -> bool:
        """Whether any change failed or was not tried."""
        return bool(self.not_made())

    def close(self, reason: str) -> Sequence[Result]:
        """All results in the plan's order; what nothing is known of was not tried, for `reason`."""
        return [
            self._results.get(noun) or Result(change=change, status=Status.NOT_TRIED, reason=reason)
            for noun, change in self._changes.items()
        ]
