"""PT202: two policies of equal priority match one queue."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown


def _find(subject: Subject) -> Iterator[Finding]:
    told: set[tuple[str, str]] = set()
    for name, policies in subject.in_force.items():
        ordered = sorted(policies, key=lambda policy: policy.name)
        for one, other in pairwise(ordered):
            if one.priority == other.priority and (one.name, other.name) not in told:
                told.add((one.name, other.name))
                both = f"{one.priority}, and both match queue {shown(name)}"
                yield RULE.finding(other, f"has the priority of policy {shown(one.name)}, {both}")


RULE: Final = Rule(
    code="PT202",
    severity=Severity.WARNING,
    title="two policies of equal priority match one queue",
    cost=("RabbitMQ puts one of them in force, and does not say which; it can be another one after a restart."),
    remedy=("Give them different priorities, or patterns that do not meet."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]}}
policies:
  times: {pattern: "^mail", apply-to: queues, definition: {message-ttl: 30s}}
  limits: {pattern: "mail$", apply-to: queues, definition: {max-length: 1000}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]}}
policies:
  times: {pattern: "^mail", apply-to: queues, definition: {message-ttl: 30s, max-length: 1000}}
  limits: {pattern: "^sms$", apply-to: queues, definition: {max-length: 1000}}
""",
    find=_find,
)
