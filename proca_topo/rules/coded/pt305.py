"""PT305: a binding's key fits no key of its exchange."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown
from proca_topo.topology.routing.key_shapes import keys_of_shape


def _find(subject: Subject) -> Iterator[Finding]:
    for source, shape in subject.desired.key_shapes.items():
        exchange = subject.desired.exchanges.get(source)
        if exchange is None or exchange.type not in ("topic", "direct"):
            continue
        for binding in subject.routes.bindings_from(source):
            if not keys_of_shape(binding.routing_key, shape):
                words = ".".join(f"({word})" if "|" in word else word.upper() for word in shape)
                key = shown(binding.routing_key) or "the empty key"
                yield RULE.finding(
                    binding, f"{key} lets no key through that reads {words}, as those of {shown(source)}"
                )


RULE: Final = Rule(
    code="PT305",
    severity=Severity.ERROR,
    title="a binding's key fits no key of its exchange",
    cost=(
        "The spec says of which words the exchange's routing keys are made, and no key of these "
        "words matches: the queue gets nothing by this binding, and nobody is told."
    ),
    remedy=(
        "Give the key as many words as the exchange's keys have, from those that are possible "
        "there; or correct `keys`."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic, keys: [org, mail|sms]}}
queues: {mail: {bindings: [{exchange: in, key: "*.email"}]}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic, keys: [org, mail|sms]}}
queues: {mail: {bindings: [{exchange: in, key: "*.mail"}]}}
""",
    find=_find,
)
