"""PT101: the dead-letter exchange does not exist."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        letters = subject.dead_letters.get(queue.name)
        if letters is not None and not subject.knows(letters.exchange):
            missing = f"its dead-letter exchange {shown(letters.exchange)} does not exist"
            yield RULE.finding(queue, missing + subject.becomes_of_dead_letters(queue))


RULE: Final = Rule(
    code="PT101",
    severity=Severity.ERROR,
    title="the dead-letter exchange does not exist",
    cost=(
        "RabbitMQ takes it. What the queue rejects or lets expire is dropped without a word. A quorum queue with "
        "the dead-letter strategy at-least-once and the overflow reject-publish keeps it instead, until there is "
        "a way, and is full some day."
    ),
    remedy=("Declare the exchange, or name one that is there."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}]
    arguments: {x-dead-letter-exchange: failed}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, failed: {type: fanout}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}]
    arguments: {x-dead-letter-exchange: failed}
  graveyard: {bindings: [{exchange: failed}]}
""",
    find=_find,
)
