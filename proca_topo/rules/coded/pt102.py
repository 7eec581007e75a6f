"""PT102: the dead-letter exchange leads nowhere."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown, shown_exchange


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        letters = subject.dead_letters.get(queue.name)
        if letters is None:
            continue
        if letters.routing_key is not None:
            if subject.dead_letters_reach.get(queue.name) == frozenset():
                exchange = shown_exchange(letters.exchange)
                key = f"the key {shown(letters.routing_key)}" if letters.routing_key else "the empty key"
                nowhere = f"its dead letters come to {exchange} with {key}, which leads nowhere"
                yield RULE.finding(queue, nowhere + subject.becomes_of_dead_letters(queue))
        else:
            exchange_there = subject.desired.exchanges.get(letters.exchange)
            # Of a retry circuit that no queue uses PT302 tells, for nothing is lost.
            is_idle = queue.name in subject.idle_waiting
            if not is_idle and exchange_there is not None and not subject.leads_on(exchange_there):
                unbound = f"its dead letters come to {shown(letters.exchange)}, which has no binding"
                yield RULE.finding(queue, unbound + subject.becomes_of_dead_letters(queue))


RULE: Final = Rule(
    code="PT102",
    severity=Severity.ERROR,
    title="the dead-letter exchange leads nowhere",
    cost=(
        "What the queue rejects or lets expire comes to an exchange that has no binding for it, and "
        "is dropped without a word. A quorum queue with the dead-letter strategy at-least-once and the "
        "overflow reject-publish keeps it instead, until there is a way, and is full some day."
    ),
    remedy=(
        "Bind a queue to the dead-letter exchange, with the dead-letter routing key or a pattern "
        "that lets it through."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, failed: {type: topic}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}]
    dead-letter: {exchange: failed, key: mail}
  graveyard: {bindings: [{exchange: failed, key: sms}]}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, failed: {type: topic}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}]
    dead-letter: {exchange: failed, key: mail}
  graveyard: {bindings: [{exchange: failed, key: "#"}]}
""",
    find=_find,
)
