"""PT106: a queue of a shared retry circuit has no dead-letter routing key."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject


def _find(subject: Subject) -> Iterator[Finding]:
    returning = {
        subject.dead_letters[name].exchange
        for name in subject.desired.waiting
        if name in subject.dead_letters and subject.dead_letters[name].routing_key is None
    }
    failing = {binding.source for name in subject.desired.waiting for binding in subject.bound_to.get(name, ())}
    for queue in subject.queues:
        letters = subject.dead_letters.get(queue.name)
        if letters is None or letters.routing_key is not None or letters.exchange not in failing:
            continue
        if any(
            b.source in returning and b.routing_key == queue.name for b in subject.bound_to.get(queue.name, ())
        ):
            yield RULE.finding(queue, "its dead letters keep their keys, but come back only with its name as key")


RULE: Final = Rule(
    code="PT106",
    severity=Severity.ERROR,
    title="a queue of a shared retry circuit has no dead-letter routing key",
    cost=(
        "Messages keep the key with which they were published, and the return exchange knows queues "
        "by their names: after the delay they come to nothing, or to other queues as well."
    ),
    remedy=("Give the queue its own name as dead-letter routing key; `retry` does that."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}, {exchange: again, key: mail}]
    dead-letter: {exchange: failed}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}, {exchange: again, key: mail}]
    dead-letter: {exchange: failed, key: mail}
""",
    find=_find,
)
