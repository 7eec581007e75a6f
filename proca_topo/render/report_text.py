"""What an apply did, as text."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
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
_AGAIN: Final = "run the same command again: it goes on where this one stopped"

_INTERRUPTED: Final = "Interrupted; the same command, run again, goes on from here."


def report_text(report: Report, *, verbose: bool = False) -> str:
    """The whole report; its last line says what happened and what to do next."""
    return as_text(report_lines(report, verbose=verbose))


def report_lines(report: Report, *, verbose: bool = False) -> list[Line]:
    """What was applied (by name if few, or `verbose`), and everything that was not, with the reasons."""
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
    return [*lines, *wrapped(outcome(report), Role.SUMMARY)]


def outcome(report: Report) -> str:
    """What happened and what to do next, in one or two sentences.

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
    counts = report.counts()
    applied = counts[Status.APPLIED]
    missed = counts[Status.FAILED] + counts[Status.NOT_TRIED]
    if report.unread is not None:
        return (
            "The broker could not be read afterwards, so it is not known for certain what was applied."
            f" When it answers again, {_AGAIN}."
        )
    if missed:
        return _bad_end(report, applied, missed)
    if report.unexplained:
        return (
            f"{_changes(applied)} applied, but the broker differs again: something else changes it."
            " Find out what does, then run plan."
        )
    return _good_end(report, applied, held_back=counts[Status.HELD_BACK], draining=counts[Status.DRAINING])


def _bad_end(report: Report, applied: int, missed: int) -> str:
    some = f"Partly applied: {applied} of {applied + missed} changes."
    nothing = "nothing was finished" if report.any_begun else "nothing was applied"
    if report.interrupted:
        return f"{some if applied else f'{nothing.capitalize()}.'} {_INTERRUPTED}"
    share = some if applied else f"Failed: {nothing}."
    return f"{share} Resolve what is listed above, then {_AGAIN}."


def _good_end(report: Report, applied: int, *, held_back: int, draining: int) -> str:
    if not report.results:
        return f"No changes. {objects(report.plan.unchanged)} as desired."
    done = f"Done: {_changes(applied)} applied and read back." if applied else "Nothing was applied."
    if not held_back and not draining:
        return f"{done} Nothing is pending."
    held = f" {held_back} held back: what each needs is said above." if held_back else ""
    drains = f" {draining} draining: {_end_of_draining(report)} the same command finishes it." if draining else ""
    return f"{done}{held}{drains}"


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
