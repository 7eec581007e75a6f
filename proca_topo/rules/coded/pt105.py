"""PT105: messages expire in a circle."""

from collections.abc import Iterator, Mapping
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.routing.matching import Message


def _find(subject: Subject) -> Iterator[Finding]:
    ahead = {name: _expired(subject, name) for name in subject.delays}
    told: set[str] = set()
    for name in sorted(ahead):
        circle = _circle(name, ahead)
        if circle and told.isdisjoint(circle):
            told |= circle
            yield RULE.finding(
                subject.desired.queues[name],
                "what expires in it comes back to it by expiring alone, and RabbitMQ drops it then",
            )


def _expired(subject: Subject, name: str) -> frozenset[str]:
    """The queues that a message reaches when it expires, as far as messages expire there too."""
    letters = subject.dead_letters[name]
    if letters.routing_key is not None:
        return subject.dead_letters_reach.get(name, frozenset()) & subject.delays.keys()
    exchange = subject.desired.exchanges.get(letters.exchange)
    if exchange is None or exchange.type != "fanout":
        return frozenset()  # its way depends on keys that are not known
    message = Message(routing_key="", any_headers=True)
    return subject.routes.reached(exchange.name, message).queues & subject.delays.keys()


def _circle(name: str, ahead: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """What a message comes through that expires again and again; empty if it does not come back to this queue."""
    seen: set[str] = set()
    todo = list(ahead[name])
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += ahead[one]
    return frozenset(seen) if name in seen else frozenset()


RULE: Final = Rule(
    code="PT105",
    severity=Severity.ERROR,
    title="messages expire in a circle",
    cost=(
        "Where messages only expire, one queue after the other, and would come back to a queue in "
        "which they have expired before, RabbitMQ takes that for an endless loop and drops them."
    ),
    remedy=(
        "Let the circle lead through a queue in which messages do not expire, so that a consumer "
        "rejects them on the way."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, first: {type: fanout}, second: {type: fanout}}
queues:
  one:
    ttl: 10s
    bindings: [{exchange: in, key: "#"}, {exchange: second}]
    dead-letter: {exchange: first, key: x}
  two:
    ttl: 10s
    bindings: [{exchange: first}]
    dead-letter: {exchange: second, key: x}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, first: {type: fanout}, second: {type: fanout}}
queues:
  one:
    bindings: [{exchange: in, key: "#"}, {exchange: second}]
    dead-letter: {exchange: first, key: x}
  two:
    ttl: 10s
    bindings: [{exchange: first}]
    dead-letter: {exchange: second, key: x}
""",
    find=_find,
)
