"""PT001: the names of orgs may hold a dot."""

import re
from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown

# Names with a dot, of many shapes: a pattern that takes none of them hardly takes any.
_WITH_A_DOT: Final = (
    "a.b",
    "ab.cd",
    "abc.def",
    "a.b.c",
    "A.B",
    "Ab.Cd",
    "1.2",
    "12.34",
    "a1.b2",
    "a-b.c-d",
    "abcd.efgh",
)


def _find(subject: Subject) -> Iterator[Finding]:
    names = [*_WITH_A_DOT, *(org for org in subject.orgs if "." in org)]
    taken = next((name for name in names if re.fullmatch(subject.org_name, name)), None)
    if taken is not None:
        yield RULE.finding(
            None, f"an org could be named {shown(taken)}, whose dot shifts the words of routing keys"
        )


RULE: Final = Rule(
    code="PT001",
    severity=Severity.ERROR,
    title="the names of orgs may hold a dot",
    cost=(
        "A dot in an org's name shifts the words of every routing key that has the name in it: "
        "a.b.custom.action has four words where three are expected, and matches the bindings of no "
        "queue, or of the wrong one."
    ),
    remedy=("Leave the dot out of the pattern of names under org."),
    example="""\
topology: 1
owns: ["in", "{org}.mail"]
exchanges: {in: {type: topic}}
org:
  name: "[a-z.]{2,32}"
  queues: {"{org}.mail": {bindings: [{exchange: in, key: "{org}.*"}]}}
""",
    mended="""\
topology: 1
owns: ["in", "{org}.mail"]
exchanges: {in: {type: topic}}
org:
  name: "[a-z]{2,32}"
  queues: {"{org}.mail": {bindings: [{exchange: in, key: "{org}.*"}]}}
""",
    org="{}\n",
    find=_find,
)
