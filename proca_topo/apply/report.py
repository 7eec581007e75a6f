"""What an apply did and did not do."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from proca_topo.errors import ExitCode
from proca_topo.plan.changes import Change, Delete, Plan, Replace, Retire, WaitsFor
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.holding import Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Kind, Noun, kind_of

_FINISHED_FIRST = "its replacement had been begun and had to be finished first"


class Status(StrEnum):
    """What became of one change."""

    APPLIED = "applied"
    FAILED = "failed"
    NOT_TRIED = "not_tried"
    HELD_BACK = "held_back"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One change and what became of it. `reason` is one line, safe to print; None only where it was applied.

    `waits_for` is of what drains.
    """

    change: Change
    status: Status
    reason: str | None = None
    waits_for: WaitsFor = WaitsFor.TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Every change of the plan with its result, in the plan's order; after them what drains only since then.

    `after` is the plan made anew from what the broker showed afterwards, None where it could not be read; `unread`
    then says why not. `stopped` is what ended the apply before its end: an error, or that it was `interrupted`.
    `vhost_gone` says that there is nothing left to read.
    """

    plan: Plan
    results: tuple[Result, ...]
    after: Plan | None
    unread: str | None = None
    stopped: str | None = None
    interrupted: bool = False
    vhost_gone: bool = False

    @classmethod
    def of_deleted_vhost(cls, plan: Plan) -> "Report":
        """Nothing of the plan is so: somebody has deleted its vhost, and what was applied went with it."""
        reason = f"somebody has deleted the vhost {shown(plan.vhost)} meanwhile, with everything in it"
        results = tuple(Result(change=change, status=Status.FAILED, reason=reason) for change in plan.changes)
        return cls(plan=plan, results=results, after=None, vhost_gone=True)

    def counts(self) -> dict[Status, int]:
        """How many changes came to each end."""
        counted = Counter(result.status for result in self.results)
        return {status: counted[status] for status in Status}

    @property
    def unexplained(self) -> tuple[Change, ...]:
        """What the plan made afterwards still wants, though nothing of this apply failed at it.

        Somebody else changed the broker meanwhile, or it dropped what it had taken.
        """
        if self.after is None:
            return ()
        known = {(type(r.change.noun), r.change.noun) for r in self.results if r.status is not Status.APPLIED}
        return tuple(change for change in self.after.to_do if (type(change.noun), change.noun) not in known)

    @property
    def any_begun(self) -> bool:
        """Whether a replacement is half-way."""
        changes = self.after.changes if self.after is not None else ()
        return any(isinstance(change, Replace) and change.unfinished is not None for change in changes)

    def exit_code(self, *, detailed: bool = False) -> ExitCode:
        """What the process tells its caller.

        | failed, not tried or unread | applied | held back or draining | code                           |
        |-----------------------------|---------|-----------------------|--------------------------------|
        | some                        | some    | any                   | 5 partly applied               |
        | some                        | none    | any                   | 1 failed                       |
        | none                        | any     | some                  | 3 pending if `detailed`, else 0 |
        | none                        | any     | none                  | 0 done                         |
        """
        counts = self.counts()
        if counts[Status.FAILED] or counts[Status.NOT_TRIED] or self.unread is not None or self.unexplained:
            return ExitCode.PARTLY_APPLIED if counts[Status.APPLIED] else ExitCode.FAILED
        if detailed and (counts[Status.HELD_BACK] or counts[Status.DRAINING]):
            return ExitCode.PENDING
        return ExitCode.DONE


def draining_since(results: Sequence[Result], after: Plan) -> tuple[Result, ...]:
    """What the plan made `after` an apply retires besides, and what had to wait until that was finished."""
    replaced = {result.change.noun for result in results if isinstance(result.change, Replace)}
    known = {result.change.noun for result in results} - replaced
    waits = _FinishedFirst([result.change for result in results])
    found = [
        Result(change=change, status=Status.DRAINING, reason=_FINISHED_FIRST)
        if change.held_back is None and waits.has(change)
        else waiting_or_held(change)
        for change in after.changes
        if change.noun not in known
    ]
    return tuple(result for result in found if result is not None and result.status is Status.DRAINING)


class _FinishedFirst:
    """What the replacements that had been begun keep from being made in the same apply."""

    def __init__(self, changes: Iterable[Change]) -> None:
        replacements = [change for change in changes if isinstance(change, Replace)]
        self._nouns = {change.noun for change in replacements}
        self._begun = {_key(change.noun) for change in replacements if change.unfinished is not None}
        self._next_names = {
            change.noun.name
            for change in replacements
            if isinstance(change.replaced, Replaced)
            and change.replaced.was.name != change.noun.name
            and _key(change.replaced.was) in self._begun
        }

    def has(self, change: Change) -> bool:
        """Whether a change that is planned afterwards had to wait for one of them."""
        match change:
            case Replace(replaced=ReplacedExchange(was=was)):
                return was in self._nouns and _key(was) in self._begun
            case Delete(noun=Binding() as binding):
                return self._leads_to_next_name(binding) or self._is_of_exchange(binding)
            case Delete():
                return change.noun in self._nouns
            case _:
                return False

    def _leads_to_next_name(self, binding: Binding) -> bool:
        return binding.destination_type is DestinationType.QUEUE and binding.destination in self._next_names

    def _is_of_exchange(self, binding: Binding) -> bool:
        """Whether it is of one that has all its bindings only by now."""
        is_to_exchange = binding.destination_type is DestinationType.EXCHANGE
        ends = {binding.source, binding.destination} if is_to_exchange else {binding.source}
        return any((Kind.EXCHANGE, end) in self._begun for end in ends)


def _key(noun: Noun) -> tuple[Kind, str]:
    return kind_of(noun), noun.name


def waiting_or_held(change: Change) -> Result | None:
    """The result of a change that no apply makes: held back, or waiting. None for those that are to be made."""
    if change.held_back is not None:
        return Result(change=change, status=Status.HELD_BACK, reason=change.held_back)
    if isinstance(change, Retire):
        return Result(change=change, status=Status.DRAINING, reason=change.reason, waits_for=change.waits_for)
    return None
