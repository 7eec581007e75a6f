"""PT104: what waits in a retry circuit does not come back."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        letters = subject.dead_letters.get(queue.name)
        if letters is None or letters.routing_key is None:
            continue
        for waiting in sorted(subject.dead_letters_reach.get(queue.name, ())):
            if waiting not in subject.desired.waiting or waiting not in subject.dead_letters:
                continue
            reached = subject.after_waiting(letters.routing_key, waiting)
            is_known = subject.knows(subject.dead_letters[waiting].exchange) and not reached.unknown
            if queue.name not in reached.queues and is_known:
                where = ", ".join(shown(name) for name in sorted(reached.queues)) or "nothing"
                text = f"what it rejects waits in {shown(waiting)} and then reaches {where}, not this queue"
                yield RULE.finding(queue, text)


RULE: Final = Rule(
    code="PT104",
    severity=Severity.ERROR,
    title="what waits in a retry circuit does not come back",
    cost=(
        "A message is rejected, waits, and then comes to an exchange that does not lead to the "
        "queue that it came from: it is dropped, or somebody else gets it."
    ),
    remedy=("Bind the queue to the return exchange with the key that its dead letters have; `retry` does that."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}]
    dead-letter: {exchange: failed, key: mail}
  sms: {bindings: [{exchange: in, key: sms}], retry: mail}
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
