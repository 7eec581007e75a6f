"""What breaks a rule, as text: a line each, with its place first, as editors and people expect it."""

from collections.abc import Iterator, Sequence

from proca_topo.render.lines import BLANK, Line, Role, wrapped
from proca_topo.render.objects import name_of
from proca_topo.rules.rule import Rule, Severity
from proca_topo.spec.findings import PlacedFinding, unallowed
from proca_topo.topology.names import one_line, shown


def finding_lines(found: Sequence[PlacedFinding]) -> Iterator[Line]:
    """Every finding that is not allowed, then how many there are and how many are allowed."""
    for one in unallowed(found):
        role = Role.FAILURE if one.severity is Severity.ERROR else Role.HAZARD
        yield Line(f"{place(one)}: {one.code} {one.severity}: {message(one)}", role)
    if found:
        yield Line(_counts(found), Role.SUMMARY)


def message(one: PlacedFinding) -> str:
    """`queue acme.crm: nothing is bound to it (and the same for 3 more orgs)`."""
    subject = "" if one.noun is None else f"{one.kind} {name_of(one.noun)}: "
    others = one.org_count - 1
    more = f" (and the same for {others} more {'org' if others == 1 else 'orgs'})" if others else ""
    return f"{subject}{one_line(one.text)}{more}"


def place(one: PlacedFinding) -> str:
    """`topology.yaml:12:3`."""
    return f"{shown(one.file)}:{one.line}:{one.column}"


def rule_lines(rule: Rule) -> Iterator[Line]:
    """A rule explained."""
    yield Line(f"{rule.code} ({rule.severity}): {rule.title}", Role.HEADING)
    yield BLANK
    yield from wrapped(rule.cost)
    yield BLANK
    yield from wrapped(rule.remedy)
    for title, text in (("Breaks it:", rule.example), ("Does not:", rule.mended)):
        yield BLANK
        yield Line(title, Role.HEADING)
        yield from (Line(f"    {line}", Role.DETAIL) for line in text.rstrip("\n").split("\n"))
    if rule.find is not None:
        yield BLANK
        yield from wrapped(f'Meant so? Say why, where it stands: allow: {{{rule.code}: "the reason"}}')


def _counts(found: Sequence[PlacedFinding]) -> str:
    open_ones = [one.severity for one in unallowed(found)]
    parts = [
        _counted(open_ones.count(severity), severity.value)
        for severity in Severity
        if severity in open_ones or severity is Severity.ERROR
    ]
    allowed = len(found) - len(open_ones)
    return ", ".join(parts) + (f"; {allowed} allowed" if allowed else "") + "."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
