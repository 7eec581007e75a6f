"""PT203: a policy has a key that the queue's type does not know."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown
from proca_topo.topology.policies_in_force import is_meant
from proca_topo.topology.policy_keys import unknown_keys
from proca_topo.topology.policy_patterns import compiled


def _find(subject: Subject) -> Iterator[Finding]:
    types = frozenset(str(queue.type) for queue in subject.queues)
    for policy in subject.desired.policies.values():
        unknown = {kind: keys for kind in types if (keys := unknown_keys(kind, policy.definition))}
        if not unknown:
            continue
        pattern = compiled(policy.pattern)
        for kind, keys in sorted(unknown.items()):
            queue = next((q for q in subject.queues if q.type == kind and is_meant(policy, pattern, q)), None)
            if queue is not None:
                text = (
                    f"is not in force on {shown(queue.name)}: {kind} queues do not know {', '.join(sorted(keys))}"
                )
                yield RULE.finding(policy, text)


RULE: Final = Rule(
    code="PT203",
    severity=Severity.ERROR,
    title="a policy has a key that the queue's type does not know",
    cost=(
        "RabbitMQ then leaves out the whole policy for this queue, also the keys that it knows, and "
        "takes the one of the next lower priority."
    ),
    remedy=(
        "Make a policy of its own for queues of this type: with apply-to quorum_queues, "
        "classic_queues or streams on 4.x, by the pattern before."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {type: quorum, bindings: [{exchange: in, key: "#"}]}}
policies: {all: {pattern: "^mail$", apply-to: queues, definition: {message-ttl: 30s, queue-mode: lazy}}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {type: quorum, bindings: [{exchange: in, key: "#"}]}}
policies: {all: {pattern: "^mail$", apply-to: queues, definition: {message-ttl: 30s}}}
""",
    find=_find,
)
