"""A plan as text: for a terminal, a CI log and a pipe, at 80 columns and without colour."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, assert_never

from proca_topo.plan.changes import Action, Change, Declare, Delete, Plan, Replace, Retire, Update, action_of
from proca_topo.plan.replacing.policy_advice import advice
from proca_topo.render.lines import BLANK, Line, Role, as_text, wrapped
from proca_topo.render.notes import Notes
from proca_topo.render.objects import settings, title, value
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.plan.status import Status

SYMBOLS: Final[Mapping[Action, str]] = {
    Action.DECLARE: "+",
    Action.UPDATE: "~",
    Action.REPLACE: "!",
    Action.RETIRE: ">",
    Action.DELETE: "-",
}
_MEANINGS: Final[Mapping[Action, str]] = {
    Action.DECLARE: "declare",
    Action.UPDATE: "update",
    Action.REPLACE: "replace",
    Action.RETIRE: "retire (delete later)",
    Action.DELETE: "delete",
}


NEW_VHOST: Final = "There is no such vhost yet: apply --create-vhost makes it."
"""What a plan for a vhost that is not there begins with."""


def plan_text(plan: Plan) -> str:
    """The whole plan; it ends with the summary, and with why apply would refuse it."""
    return as_text(plan_lines(plan))


def plan_lines(plan: Plan) -> list[Line]:
    """The whole plan: header, every change, what is to be known about them, summary."""
    lines = [*_header(plan)]
    if plan.changes:
        notes = Notes.on(plan.changes)
        lines += [BLANK, *_legend(plan), BLANK, *change_lines(plan.changes, notes)]
        numbered = [*notes.numbered()]
        if numbered:
            lines += [Line("Notes", Role.HEADING), *numbered, BLANK]
        lines += advice_lines(plan)
    else:
        lines.append(BLANK)
    lines += wrapped(summary(plan), Role.SUMMARY)
    if plan.refused is not None:
        lines += wrapped(refusal(plan.refused), Role.FAILURE)
    return lines


def change_lines(changes: Iterable[Change], notes: Notes) -> Iterator[Line]:
    """Every change: what is shared first, then org by org, each in the plan's order."""
    by_org: dict[str | None, list[Change]] = defaultdict(list)
    for change in changes:
        by_org[change.org].append(change)
    for org in sorted(by_org, key=lambda org: (org is not None, org)):
        yield Line("Shared" if org is None else f"Org {shown(org)}", Role.HEADING)
        for change in by_org[org]:
            yield Line(f"  {headline(change)}{notes.marks(change)}", role_of(change))
            yield from (Line(f"      {detail}", Role.DETAIL) for detail in _details(change))
            yield from notes.beneath(change)
        yield BLANK


def advice_lines(plan: Plan) -> Iterator[Line]:
    """What would make replacements unnecessary, with lines of YAML to copy, which are not wrapped."""
    found = advice(plan)
    if found:
        yield Line("Advice", Role.HEADING)
    for one in found:
        yield from wrapped(one.text, Role.DETAIL, indent=2)
        yield from (Line(f"    {line}", Role.DETAIL) for line in one.yaml)
        yield BLANK


def headline(change: Change) -> str:
    """One change in one line: `+ queue    acme.crm`."""
    along = "  (goes with its queue)" if isinstance(change, Delete) and change.along_with is not None else ""
    return f"{SYMBOLS[action_of(change)]} {title(change.noun)}{along}"


def role_of(change: Change) -> Role:
    """How a change's line is to look."""
    return Role.HELD_BACK if change.held_back is not None else Role(action_of(change).value)


def summary(plan: Plan) -> str:
    """The plan in one sentence."""
    if not plan.changes:
        return f"No changes. {objects(plan.unchanged)} as desired."
    counts = ", ".join(f"{count} to {action}" for action, count in plan.counts().items() if count)
    held_back = f"; {plan.held_back} held back" if plan.held_back else ""
    return f"Plan: {counts}{held_back}; {plan.unchanged} unchanged."


def refusal(reason: str) -> str:
    """What stands below the summary of a plan that apply refuses."""
    return f"apply will refuse this plan: {reason}"


def objects(count: int) -> str:
    """`1 object is`, `2 objects are`."""
    return "1 object is" if count == 1 else f"{count} objects are"


def target(plan: "Plan | Status") -> str:
    """What it is about: `vhost proca on http://localhost:15672 (RabbitMQ 4.0.5)`."""
    version = f" (RabbitMQ {shown(plan.broker.version)})" if plan.broker.version else ""
    return f"vhost {shown(plan.vhost)} on {shown(plan.broker.location)}{version}"


def _header(plan: Plan) -> Iterator[Line]:
    yield Line(f"Plan for {target(plan)}", Role.HEADING)
    if plan.new_vhost:
        yield from wrapped(NEW_VHOST)
    if plan.orgs:
        yield from wrapped(f"Only {'org' if len(plan.orgs) == 1 else 'orgs'} {', '.join(map(shown, plan.orgs))}")


def _legend(plan: Plan) -> Iterator[Line]:
    used = (action for action, count in plan.counts().items() if count)
    yield from wrapped("   ".join(f"{SYMBOLS[action]} {_MEANINGS[action]}" for action in used), indent=2)


def _details(change: Change) -> Iterator[str]:
    match change:
        case Declare():
            yield from settings(change.noun)
        case Update() | Replace():
            for difference in change.differences:
                path = difference.path.removeprefix("arguments.").removeprefix("definition.")
                yield f"{shown(path)}: {value(difference.before)} -> {value(difference.after)}"
        case Retire() | Delete():
            pass
        case _:
            assert_never(change)
