"""What an apply did, as text."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from proca_topo.apply.report import Report, Result, Status
from proca_topo.plan.changes import Action, action_of
from proca_topo.render.lines import BLANK, Line, Role, as_text, of_two_parts, wrapped
from proca_topo.render.plan_text import headline, objects, role_of, target
from proca_topo.render.waiting import remedies
from proca_topo.topology.names import one_line

# So many names of what went well are worth reading without being asked for.
_FEW: Final = 20

_DONE: Final = {
    Action.DECLARE: "declared",
    Action.UPDATE: "updated",
    Action.REPLACE: "replaced",
    Action.RETIRE: "retired",
    Action.DELETE: "deleted",
}


@dataclass(frozen=True, kw_only=True)
class _NextTime:
    """How what is left gets done. Behind a colon stands the command for it."""

    again: str
    interrupted: str
    finishes: str
    held_back: str
    differs: str


_SAME_COMMAND: Final = _NextTime(
    again="run the same command again: it goes on where this one stopped.",
    interrupted="Interrupted; the same command, run again, goes on from here.",
    finishes="the same command finishes it.",
    held_back="what each needs is said above.",
    differs="then run plan.",
)
# A saved plan is applied once: the same command would be refused.
_NEW_PLAN: Final = _NextTime(
    again="make a new plan, which has what is left:",
    interrupted="Interrupted; a new plan has what is left:",
    finishes="a new plan finishes it:",
    held_back="what each needs is said above, and a new plan:",
    differs="then make a new plan:",
)


def report_text(report: Report, *, verbose: bool = False, new_plan: str | None = None) -> str:
    """The whole report; its last line says what happened and what to do next."""
    return as_text(report_lines(report, verbose=verbose, new_plan=new_plan))


def report_lines(report: Report, *, verbose: bool = False, new_plan: str | None = None) -> list[Line]:
    """What was applied (by name if few, or `verbose`), and everything that was not, with the reasons.

    `new_plan` is as in `outcome`; here the command has a line of its own, to be copied.
    """
    by_status: dict[Status, list[Result]] = {status: [] for status in Status}
    for result in report.results:
        by_status[result.status].append(result)
    lines = [
        *_applied(report, by_status[Status.APPLIED], verbose=verbose),
        *_not_applied("Failed", by_status[Status.FAILED], Role.FAILURE, verbose=True),
        # Names say nothing where all the rest was not tried.
        *_not_applied(
            "Not tried", by_status[Status.NOT_TRIED], Role.FAILURE, verbose=verbose or report.stopped is None
        ),
        *_not_applied("Held back", by_status[Status.HELD_BACK], Role.HELD_BACK, verbose=verbose),
        *_not_applied(
            "Draining",
            by_status[Status.DRAINING],
            Role.RETIRE,
            verbose=verbose,
            by_hand=remedies(by_status[Status.DRAINING]),
        ),
        *_unexplained(report),
    ]
    if report.stopped is not None and not report.interrupted:
        lines += [*wrapped(one_line(report.stopped), Role.FAILURE, label="Stopped: "), BLANK]
    if report.unread is not None:
        lines += [*wrapped(one_line(report.unread), Role.FAILURE, label="Not read back: "), BLANK]
    said = _outcome(report, _SAME_COMMAND if new_plan is None else _NEW_PLAN)
    command = [Line(f"  {one_line(new_plan or '')}", Role.SUMMARY)] if said.endswith(":") else []
    return [*lines, *wrapped(said, Role.SUMMARY), *command]


def outcome(report: Report, *, new_plan: str | None = None) -> str:
    """What happened and what to do next, in one or two sentences.

    `new_plan` is the command for another plan, where this was a saved one, which no command applies again.

    | applied | not applied                 | says                                                 |
    |---------|-----------------------------|------------------------------------------------------|
    | none    | nothing                     | no changes                                           |
    | any     | failed, not tried           | partly applied, or failed; run it again              |
    | any     | the same, interrupted       | the same, and that it was interrupted                |
    | any     | not read back               | not known; plan tells, once the broker answers       |
    | any     | differs, nobody knows why   | something else changes the broker; find it           |
    | any     | held back, draining         | done, and how many of those                          |
    | some    | nothing                     | done                                                 |
    """
    said = _outcome(report, _SAME_COMMAND if new_plan is None else _NEW_PLAN)
    return f"{said} {new_plan}" if said.endswith(":") else said


def _outcome(report: Report, next_time: _NextTime) -> str:
    counts = report.counts()
    applied = counts[Status.APPLIED]
    missed = counts[Status.FAILED] + counts[Status.NOT_TRIED]
    if report.unread is not None:
        return (
            "The broker could not be read afterwards, so it is not known for certain what was applied."
            f" When it answers again, {next_time.again}"
        )
    if missed:
        return _bad_end(report, applied, missed, next_time)
    if report.unexplained:
        return (
            f"{_changes(applied)} applied, but the broker differs again: something else changes it."
            f" Find out what does, {next_time.differs}"
        )
    return _good_end(report, next_time)


def _bad_end(report: Report, applied: int, missed: int, next_time: _NextTime) -> str:
    some = f"Partly applied: {applied} of {applied + missed} changes."
    nothing = "nothing was finished" if report.any_begun else "nothing was applied"
    if report.interrupted:
        return f"{some if applied else f'{nothing.capitalize()}.'} {next_time.interrupted}"
    share = some if applied else f"Failed: {nothing}."
    return f"{share} Resolve what is listed above, then {next_time.again}"


def _good_end(report: Report, next_time: _NextTime) -> str:
    if not report.results:
        return f"No changes. {objects(report.plan.unchanged)} as desired."
    counts = report.counts()
    applied, held_back, draining = counts[Status.APPLIED], counts[Status.HELD_BACK], counts[Status.DRAINING]
    done = f"Done: {_changes(applied)} applied and read back." if applied else "Nothing was applied."
    if draining:
        held = f" {held_back} held back: {_SAME_COMMAND.held_back}" if held_back else ""
        return f"{done}{held} {draining} draining: {_end_of_draining(report)} {next_time.finishes}"
    return f"{done} {held_back} held back: {next_time.held_back}" if held_back else f"{done} Nothing is pending."


def _end_of_draining(report: Report) -> str:
    if remedies([result for result in report.results if result.status is Status.DRAINING]):
        return "some wait for what is said above; after that"
    # Time alone does not end it where nobody consumes, or somebody goes on consuming.
    return "once that is over,"


def _applied(report: Report, results: Sequence[Result], *, verbose: bool) -> Iterator[Line]:
    if not results:
        return
    counts = Counter(action_of(result.change) for result in results)
    done = ", ".join(f"{counts[action]} {_DONE[action]}" for action in Action if counts[action])
    yield from of_two_parts(f"Applied to {target(report.plan)}", done, Role.HEADING)
    if verbose or len(results) <= _FEW:
        yield from (Line(f"  {headline(result.change)}", role_of(result.change)) for result in results)
    yield BLANK


def _not_applied(
    heading: str,
    results: Sequence[Result],
    role: Role,
    *,
    verbose: bool,
    by_hand: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Line]:
    """The results, those with the same reason together and the reason said once, with its remedy `by_hand`."""
    if not results:
        return
    by_reason: dict[str, list[Result]] = {}
    for result in results:
        by_reason.setdefault(result.reason or "", []).append(result)
    yield Line(f"{heading}: {len(results)}", Role.HEADING)
    for reason, group in by_reason.items():
        if verbose or len(group) <= _FEW:
            yield from (Line(f"  {headline(result.change)}", role) for result in group)
        else:
            yield Line(f"  {_changes(len(group))} (-v lists them)", role)
        yield from wrapped(one_line(reason), Role.DETAIL, indent=6)
        if reason in by_hand:
            yield from wrapped(by_hand[reason], Role.DETAIL, indent=6)
    yield BLANK


def _unexplained(report: Report) -> Iterator[Line]:
    if not report.unexplained:
        return
    yield Line(f"The broker still differs: {len(report.unexplained)}", Role.HEADING)
    yield from (Line(f"  {headline(change)}", Role.FAILURE) for change in report.unexplained)
    yield BLANK


def _changes(count: int) -> str:
    return "1 change" if count == 1 else f"{count} changes"
