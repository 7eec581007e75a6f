"""PT404: a binding key has more than two `#`."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.routing.topics import ANY_WORDS, words_of

# As RabbitMQ 4.3.6 answers; 3.10 and 4.0 take any number.
_MOST: Final = 2


def _find(subject: Subject) -> Iterator[Finding]:
    for binding in subject.desired.bindings:
        source = subject.desired.exchanges.get(binding.source)
        if source is not None and source.type == "topic":
            count = words_of(binding.routing_key).count(ANY_WORDS)
            if count > _MOST:
                yield RULE.finding(binding, f"has {count} `#`, and RabbitMQ 4.3 takes no more than {_MOST}")


RULE: Final = Rule(
    code="PT404",
    severity=Severity.ERROR,
    title="a binding key has more than two `#`",
    cost=("RabbitMQ 4.3 refuses a binding of a topic exchange whose key has more than two `#` (400)."),
    remedy=("Write `*` for each word whose place is known, or several bindings with fewer `#`."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#.mail.#.new.#"}]}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "*.mail.#.new.#"}]}}
""",
    target=(4, 3),
    find=_find,
)
