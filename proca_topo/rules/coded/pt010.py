"""PT010: a name or a routing key is longer than 255 bytes."""

from typing import Final

from proca_topo.rules.rule import Rule, Severity

RULE: Final = Rule(
    code="PT010",
    severity=Severity.ERROR,
    title="a name or a routing key is longer than 255 bytes",
    cost=(
        "AMQP has one byte for the length. RabbitMQ refuses the declaration, and a client that "
        "publishes with such a key loses its connection."
    ),
    remedy=(
        "Shorten it. In the org template the names of orgs count too: let the pattern of names say "
        "how long they may be."
    ),
    example=f'topology: 1\nowns: ["*"]\nqueues: {{{"q" * 256}: {{}}}}\n',
    mended="""\
topology: 1
owns: ["*"]
queues: {"qqqqqqqqqqqqqqqqqqqq": {bindings: [{exchange: amq.topic, key: a}]}}
""",
)
