"""PT103: a rejected message comes back at once."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown_exchange


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        if queue.name not in subject.dead_letters or queue.name in subject.delays:
            continue
        if queue.name in subject.dead_letters_reach.get(queue.name, ()):
            exchange = shown_exchange(subject.dead_letters[queue.name].exchange)
            yield RULE.finding(queue, f"what it rejects comes back to it at once, through {exchange}")


RULE: Final = Rule(
    code="PT103",
    severity=Severity.ERROR,
    title="a rejected message comes back at once",
    cost=(
        "Without a delay a message that cannot be processed goes round as fast as the broker can: a "
        "hot loop, which takes all its processor time and fills its log."
    ),
    remedy=("Let rejected messages wait in between: a retry circuit has a waiting queue with a delay."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, again: {type: topic}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}, {exchange: again, key: mail}]
    dead-letter: {exchange: again, key: mail}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}]
    retry: mail
""",
    find=_find,
)
