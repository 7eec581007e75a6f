"""PT401: queues are mirrored by a policy."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown


def _find(subject: Subject) -> Iterator[Finding]:
    for policy in subject.desired.policies.values():
        keys = sorted(key for key in policy.definition if key.startswith("ha-"))
        if keys:
            yield RULE.finding(
                policy, f"{', '.join(map(shown, keys))}: RabbitMQ 4 mirrors no queues and refuses this"
            )


RULE: Final = Rule(
    code="PT401",
    severity=Severity.ERROR,
    title="queues are mirrored by a policy",
    cost=("RabbitMQ 4.0 has no mirrored classic queues any more: it refuses the policy (400)."),
    remedy=("Use quorum queues, which are replicated by themselves."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]}}
policies: {mirrored: {pattern: "^mail$", apply-to: queues, definition: {ha-mode: all}}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {type: quorum, bindings: [{exchange: in, key: "#"}]}}
""",
    target=(4, 0),
    find=_find,
)
