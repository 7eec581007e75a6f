"""A plan as Markdown, for a comment at a pull request."""

import html
import re
from collections.abc import Iterator, Sequence
from typing import Final

from proca_topo.plan.changes import Plan
from proca_topo.render.lines import Role
from proca_topo.render.notes import Notes
from proca_topo.render.plan_text import NEW_VHOST, advice_lines, change_lines, refusal, summary
from proca_topo.topology.names import shown

# GitHub refuses comments of more than 65,536 characters.
_LONGEST: Final = 60_000
# So many lines are read without opening anything.
_SHORT: Final = 30
_ORGS_NAMED: Final = 20
_ESCAPED: Final = re.compile(r"([\\`*_{}\[\]()#+!|~$@-])")


def plan_markdown(plan: Plan) -> str:
    """Heading, counts, changes, notes. A plan too long for a comment is cut, and says so."""
    return "\n".join(_paragraphs(plan)) + "\n"


def _paragraphs(plan: Plan) -> Iterator[str]:
    yield f"### Plan for vhost {_escaped(plan.vhost)} on {_escaped(plan.broker.location)}"
    yield ""
    if plan.new_vhost:
        yield _escaped(NEW_VHOST)
        yield ""
    if plan.orgs:
        more = f" and {len(plan.orgs) - _ORGS_NAMED} more orgs" if len(plan.orgs) > _ORGS_NAMED else ""
        yield f"Only {', '.join(map(_escaped, plan.orgs[:_ORGS_NAMED]))}{more}"
        yield ""
    if plan.changes:
        yield from _table(plan)
        yield ""
        yield from _changes(plan)
    yield f"**{_escaped(summary(plan))}**"
    if plan.refused is not None:
        yield ""
        yield f"**{_escaped(refusal(plan.refused))}**"


def _table(plan: Plan) -> Iterator[str]:
    counts = {action.value: count for action, count in plan.counts().items()}
    columns = {**counts, "held back": plan.held_back, "unchanged": plan.unchanged}
    yield f"| {' | '.join(columns)} |"
    yield f"|{' ---: |' * len(columns)}"
    yield f"| {' | '.join(str(count) for count in columns.values())} |"


def _changes(plan: Plan) -> Iterator[str]:
    notes = Notes.on(plan.changes)
    lines = [
        f"@@ {line.text} @@" if line.role is Role.HEADING else line.text.removeprefix("  ")
        for line in change_lines(plan.changes, notes)
    ]
    numbered = [line.text.removeprefix("  ") for line in notes.numbered()]
    if numbered:
        lines += ["@@ Notes @@", *numbered]
    advised = [line.text.removeprefix("  ") for line in advice_lines(plan)]
    if advised:
        lines += ["@@ Advice @@", *advised[1:]]
    kept = _within(lines, _LONGEST)
    folded = len(kept) > _SHORT
    if folded:
        yield f"<details><summary>{len(plan.changes)} changes</summary>"
        yield ""
    yield from _fenced(kept)
    if folded:
        yield ""
        yield "</details>"
    if len(kept) < len(lines):
        yield ""
        yield f"The rest is too long for a comment: {len(lines) - len(kept)} more lines in `proca-topo plan`."
    yield ""


def _within(lines: Sequence[str], longest: int) -> Sequence[str]:
    total = 0
    for count, line in enumerate(lines):
        total += len(line.encode()) + 1
        if total > longest:
            return lines[:count]
    return lines


def _fenced(lines: Sequence[str]) -> Iterator[str]:
    """A block that GitHub colours by each line's first character, fenced so that no name can end it."""
    text = "\n".join(lines).strip("\n")
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    yield f"{fence}diff"
    yield text
    yield fence


def _escaped(text: str) -> str:
    """Text from outside that Markdown and HTML leave alone."""
    return _ESCAPED.sub(r"\\\1", html.escape(shown(text), quote=False))
