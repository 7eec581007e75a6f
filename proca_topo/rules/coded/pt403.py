"""PT403: a queue's master is located by argument or policy."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject

_KEY: Final = "queue-master-locator"


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        if f"x-{_KEY}" in queue.arguments.canonical:
            yield RULE.finding(queue, f"x-{_KEY} is refused by RabbitMQ 4.3: write x-queue-leader-locator")
    for policy in subject.desired.policies.values():
        if _KEY in policy.definition:
            yield RULE.finding(policy, f"{_KEY} is refused by RabbitMQ 4.3: write queue-leader-locator")


RULE: Final = Rule(
    code="PT403",
    severity=Severity.ERROR,
    title="a queue's master is located by argument or policy",
    cost=("RabbitMQ 4.3 refuses x-queue-master-locator and queue-master-locator (400)."),
    remedy=(
        "Write x-queue-leader-locator, or queue-leader-locator in a policy. RabbitMQ 3.10 refuses the argument "
        "for classic queues: leave it out there."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  mail:
    arguments: {x-queue-master-locator: client-local}
    bindings: [{exchange: in, key: "#"}]
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  mail:
    arguments: {x-queue-leader-locator: client-local}
    bindings: [{exchange: in, key: "#"}]
""",
    target=(4, 3),
    find=_find,
)
