"""PT301: nothing is bound to a queue."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject


def _find(subject: Subject) -> Iterator[Finding]:
    by_name = {letters.routing_key for letters in subject.dead_letters.values() if letters.exchange == ""}
    for queue in subject.queues:
        if queue.name not in subject.bound_to and queue.name not in by_name:
            yield RULE.finding(queue, "nothing is bound to it: messages reach it by its name only")


RULE: Final = Rule(
    code="PT301",
    severity=Severity.WARNING,
    title="nothing is bound to a queue",
    cost=("Messages reach it only if they are published straight to its name. Its consumer waits in vain."),
    remedy=("Bind it to an exchange, or remove it."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  mail: {bindings: [{exchange: in, key: "#"}]}
  sms: {}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  mail: {bindings: [{exchange: in, key: "*.mail"}]}
  sms: {bindings: [{exchange: in, key: "*.sms"}]}
""",
    find=_find,
)
