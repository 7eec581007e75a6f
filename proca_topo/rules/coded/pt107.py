"""PT107: a return exchange has no alternate exchange, and its queues come and go."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown


def _find(subject: Subject) -> Iterator[Finding]:
    returning = {
        subject.dead_letters[name].exchange for name in subject.desired.waiting & subject.dead_letters.keys()
    }
    for name in sorted(returning & subject.desired.exchanges.keys()):
        exchange = subject.desired.exchanges[name]
        if subject.policies.alternates(exchange):
            continue
        queues = (b.destination for b in subject.routes.bindings_from(name))
        of_org = next((queue for queue in queues if _is_an_orgs(subject, queue)), None)
        if of_org is not None:
            text = (
                f"has no alternate exchange, and what comes back to {shown(of_org)} is dropped once that is gone"
            )
            yield RULE.finding(exchange, text)


def _is_an_orgs(subject: Subject, name: str) -> bool:
    queue = subject.desired.queues.get(name)
    return queue is not None and subject.desired.org_of(queue) is not None


RULE: Final = Rule(
    code="PT107",
    severity=Severity.WARNING,
    title="a return exchange has no alternate exchange, and its queues come and go",
    cost=(
        "While the queue of an org is retired its way back stays until nothing waits for it. What "
        "is published to the return exchange by other hands, or comes back after somebody has "
        "deleted the queue, is dropped."
    ),
    remedy=("Give the return exchange an alternate exchange with a queue for what comes back to nobody."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {all: {delay: 30s, fail: failed, wait: waiting, return: again}}
org:
  queues:
    "{org}.mail": {bindings: [{exchange: in, key: "{org}.*"}], retry: all}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges:
  in: {type: topic}
  again: {type: topic, alternate: lost}
  lost: {type: fanout}
retry: {all: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues: {lost: {bindings: [{exchange: lost}]}}
org:
  queues:
    "{org}.mail": {bindings: [{exchange: in, key: "{org}.*"}], retry: all}
""",
    org="{}\n",
    find=_find,
)
