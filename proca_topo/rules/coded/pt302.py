"""PT302: an exchange leads nowhere."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject


def _find(subject: Subject) -> Iterator[Finding]:
    for exchange in subject.desired.exchanges.values():
        if not subject.leads_on(exchange):
            yield RULE.finding(exchange, "nothing is bound to it: what is published to it is dropped")


RULE: Final = Rule(
    code="PT302",
    severity=Severity.WARNING,
    title="an exchange leads nowhere",
    cost=(
        "It has no binding and no alternate exchange: everything that is published to it is dropped "
        "without a word."
    ),
    remedy=("Bind a queue to it, or remove it."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, out: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]}}
""",
    find=_find,
)
