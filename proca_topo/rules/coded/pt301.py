"""PT301: no message reaches a queue."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown


def _find(subject: Subject) -> Iterator[Finding]:
    by_name = {letters.routing_key for letters in subject.dead_letters.values() if letters.exchange == ""}
    for queue in subject.queues:
        bindings = subject.bound_to.get(queue.name, ())
        if not bindings and queue.name not in by_name:
            yield RULE.finding(queue, "nothing is bound to it: messages reach it by its name only")
        elif bindings and all(_is_dead_end(subject, binding.source) for binding in bindings):
            sources = ", ".join(sorted({shown(binding.source) for binding in bindings}))
            yield RULE.finding(
                queue, f"it is bound to {sources}, to which no client may publish and nothing leads"
            )


def _is_dead_end(subject: Subject, name: str) -> bool:
    exchange = subject.desired.exchanges.get(name)
    return exchange is not None and exchange.internal and name not in subject.entered


RULE: Final = Rule(
    code="PT301",
    severity=Severity.WARNING,
    title="no message reaches a queue",
    cost=(
        "Nothing is bound to it, or only an internal exchange to which nothing leads. Messages reach it if they "
        "are published straight to its name. Its consumer waits in vain."
    ),
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
