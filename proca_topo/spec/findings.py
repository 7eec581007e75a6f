"""What breaks a rule, with the place in the spec where it stands, and what the spec allows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from proca_topo.rules.checking import Version, check, rules_for
from proca_topo.rules.registry import RULES
from proca_topo.rules.rule import Finding, Severity
from proca_topo.rules.subject import Subject
from proca_topo.spec.places import ORG_NAME, Places
from proca_topo.spec.problems import Where
from proca_topo.spec.topology_file import TopologyFile
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Kind, Noun, kind_of

USELESS_ALLOW: Final = "PT000"
"""The code of an `allow` that nothing needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFinding:
    """Something that breaks a rule, in one place of the spec.

    What breaks it in the same way for many orgs is one: `noun` is that of the first, `org_count` their number.
    `reason` is why the spec allows it, None if it does not.
    """

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    noun: Noun | None
    org: str | None
    org_count: int
    text: str
    reason: str | None = None

    @property
    def kind(self) -> Kind | None:
        """The kind of the object."""
        return None if self.noun is None else kind_of(self.noun)


def review(
    topology: TopologyFile, desired: Desired, *, target: Version | None = None
) -> tuple[PlacedFinding, ...]:
    """What breaks a rule in a valid spec, by place; what is about a version only if `target` is that or later."""
    subject = Subject(desired, org_name=topology.document.org.name, orgs=topology.org_names())
    places = Places(topology=topology, desired=desired)
    asked = frozenset(rule.code for rule in rules_for(target))
    return _placed_all(check(subject, target=target), desired, places, asked)


def _placed_all(
    findings: Iterable[Finding], desired: Desired, places: Places, asked: Collection[str]
) -> tuple[PlacedFinding, ...]:
    """The findings by their places, and each `allow` of a rule that was `asked` that allows nothing."""
    groups: dict[tuple[str, Where], list[tuple[Finding, str | None]]] = defaultdict(list)
    for finding in findings:
        org = None if finding.noun is None else desired.org_of(finding.noun)
        where = ORG_NAME if finding.noun is None else places.of(finding.noun, org)
        groups[finding.code, where].append((finding, org))
    used: set[tuple[Where, str]] = set()
    reasons: dict[tuple[str, Where], str] = {}
    for code, where in groups:
        if (allowed := places.reason(where, code)) is not None:
            used.add((allowed[0], code))
            reasons[code, where] = allowed[1]
    useless = [(where, code) for where, code in places.allowing() if code in asked and (where, code) not in used]
    positions = iter(places.positions([*(where for _, where in groups), *(where for where, _ in useless)]))
    found = [
        *(
            _placed(code, group, next(positions), reasons.get((code, where)))
            for (code, where), group in groups.items()
        ),
        *(_useless(code, next(positions)) for _, code in useless),
    ]
    return tuple(sorted(found, key=lambda one: (one.file, one.line, one.column, one.code)))


def _placed(
    code: str, group: list[tuple[Finding, str | None]], position: str, reason: str | None
) -> PlacedFinding:
    finding, org = min(group, key=lambda one: one[1] or "")
    file, line, column = _parts(position)
    return PlacedFinding(
        code=code,
        severity=RULES[code].severity,
        file=file,
        line=line,
        column=column,
        noun=finding.noun,
        org=org,
        org_count=len({org for _, org in group}),
        text=finding.text,
        reason=reason,
    )


def _useless(code: str, position: str) -> PlacedFinding:
    file, line, column = _parts(position)
    return PlacedFinding(
        code=USELESS_ALLOW,
        severity=Severity.WARNING,
        file=file,
        line=line,
        column=column,
        noun=None,
        org=None,
        org_count=1,
        text=f"nothing here breaks {code}: remove it from `allow`",
    )


def _parts(position: str) -> tuple[str, int, int]:
    file, line, column = position.rsplit(":", 2)
    return file, int(line), int(column)


def unallowed(found: Iterable[PlacedFinding]) -> Iterator[PlacedFinding]:
    """Those for which there is no reason."""
    return (one for one in found if one.reason is None)
