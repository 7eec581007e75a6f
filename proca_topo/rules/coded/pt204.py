"""PT204: a queue has an argument that its type does not know."""

from collections.abc import Iterator, Mapping
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.nouns import CLASSIC, QUORUM, STREAM

_OF_CLASSIC: Final = frozenset({"x-max-priority", "x-queue-mode", "x-queue-version", "x-queue-master-locator"})
_OF_QUORUM: Final = frozenset(
    {"x-delivery-limit", "x-quorum-initial-group-size", "x-dead-letter-strategy", "x-max-in-memory-length"}
)
_OF_STREAMS: Final = frozenset({"x-max-age", "x-stream-max-segment-size-bytes", "x-initial-cluster-size"})
_NOT_OF_STREAMS: Final = frozenset(
    {
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-expires",
        "x-max-length",
        "x-message-ttl",
        "x-overflow",
        "x-single-active-consumer",
    }
)
# What RabbitMQ refuses (measured on 3.10, 4.0 and 4.3, which agree).
UNKNOWN: Final[Mapping[str, frozenset[str]]] = {
    CLASSIC: _OF_QUORUM | _OF_STREAMS,
    QUORUM: _OF_CLASSIC | _OF_STREAMS,
    STREAM: _OF_CLASSIC | _OF_QUORUM | _NOT_OF_STREAMS,
}


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        kind = queue.type or CLASSIC
        unknown = UNKNOWN.get(kind, frozenset()).intersection(queue.arguments) if queue.arguments else ()
        if unknown:
            yield RULE.finding(queue, f"is a {kind} queue, which does not know {', '.join(sorted(unknown))}")
        if kind in (QUORUM, STREAM) and (not queue.durable or queue.auto_delete):
            yield RULE.finding(queue, f"is a {kind} queue, which is always durable and never deleted by itself")


RULE: Final = Rule(
    code="PT204",
    severity=Severity.ERROR,
    title="a queue has an argument that its type does not know",
    cost=(
        "RabbitMQ refuses to declare it: apply fails for this queue, and so does every client that declares it."
    ),
    remedy=("Leave the argument out, or choose another type of queue."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {type: quorum, priorities: 5, bindings: [{exchange: in, key: "#"}]}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {priorities: 5, bindings: [{exchange: in, key: "#"}]}}
""",
    find=_find,
)
