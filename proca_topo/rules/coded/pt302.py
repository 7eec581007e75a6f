"""PT302: an exchange leads nowhere."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject


def _find(subject: Subject) -> Iterator[Finding]:
    letters = subject.dead_letters
    of_idle_circuits = {letters[name].exchange for name in subject.idle_waiting & letters.keys()}
    for exchange in subject.desired.exchanges.values():
        if not subject.leads_on(exchange):
            text = "nothing is bound to it: what is published to it is dropped"
            if exchange.name in of_idle_circuits:
                text = "nothing is bound to it: no queue uses the retry circuit that it is of"
            yield RULE.finding(exchange, text)


RULE: Final = Rule(
    code="PT302",
    severity=Severity.WARNING,
    title="an exchange leads nowhere",
    cost=(
        "It has no binding and no alternate exchange: everything that is published to it is dropped "
        "without a word."
    ),
    remedy=("Bind a queue to it, or remove it. Remove a retry circuit that no queue uses."),
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
