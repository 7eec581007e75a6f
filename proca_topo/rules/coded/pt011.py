"""PT011: a name begins with amq. or is empty."""

from typing import Final

from proca_topo.rules.rule import Rule, Severity

RULE: Final = Rule(
    code="PT011",
    severity=Severity.ERROR,
    title="a name begins with amq. or is empty",
    cost=("These names are RabbitMQ's own: it refuses to declare them (403)."),
    remedy=("Choose another name. If it is the name of an org that makes it so, rename the org."),
    example="""\
topology: 1
owns: ["*"]
queues: {amq.mail: {}}
""",
    mended="""\
topology: 1
owns: ["*"]
queues: {mail: {bindings: [{exchange: amq.topic, key: a}]}}
""",
)
