"""PT402: a queue is transient."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        if not queue.durable:
            yield RULE.finding(queue, "is transient, which RabbitMQ 4 deprecates and later versions will refuse")


RULE: Final = Rule(
    code="PT402",
    severity=Severity.WARNING,
    title="a queue is transient",
    cost=(
        "Transient queues that are not exclusive are deprecated since RabbitMQ 4.0, and a later "
        "version will refuse them. They go with a restart, and all that is in them."
    ),
    remedy=(
        "Make the queue durable. What is one client's alone is an exclusive queue, which that "
        "client declares itself."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {durable: false, bindings: [{exchange: in, key: "#"}]}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]}}
""",
    target=(4, 0),
    find=_find,
)
