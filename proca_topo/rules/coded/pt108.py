"""PT108: a quorum queue in a retry circuit gives messages up."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.deliveries import ENOUGH_DELIVERIES, LIMIT_BY_DEFAULT
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM, Queue
from proca_topo.topology.policies_in_force import lowest_limit


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        if queue.type != QUORUM:
            continue
        waiting = _waits_in(queue, subject)
        limits = [lowest_limit("delivery-limit", queue, policy) for policy in subject.possible[queue.name]]
        if waiting is None or all(limit is not None and not 0 <= limit < ENOUGH_DELIVERIES for limit in limits):
            continue
        known = [limit for limit in limits if limit is not None]
        limit = f"its delivery limit {min(known)}" if known else f"RabbitMQ 4's delivery limit {LIMIT_BY_DEFAULT}"
        text = f"{limit} sends what nobody has rejected to {shown(waiting)}, and it is dropped as it comes back"
        yield RULE.finding(queue, text)


def _waits_in(queue: Queue, subject: Subject) -> str | None:
    """The queue from which this one's dead letters come back by expiring."""
    letters = subject.dead_letters.get(queue.name)
    if letters is None or letters.routing_key is None:
        return None
    for waiting in sorted(subject.dead_letters_reach.get(queue.name, frozenset()) & subject.delays.keys()):
        if queue.name in subject.after_waiting(letters.routing_key, waiting).queues:
            return waiting
    return None


RULE: Final = Rule(
    code="PT108",
    severity=Severity.WARNING,
    title="a quorum queue in a retry circuit gives messages up",
    cost=(
        "A quorum queue makes a dead letter of a message that was delivered too often without an answer, because "
        "its consumers crash: on RabbitMQ 4 after 20 times, if nothing else is said. What waits and comes back "
        "without ever having been rejected RabbitMQ takes for an endless loop, and drops it without a word. On "
        "RabbitMQ 4.3 rejections do not help, and each counts as well: what was rejected 20 times is dropped once "
        "a consumer ends without an answer, as in a restart."
    ),
    remedy=(
        "Give the queue a delivery limit that no consumer reaches, such as 1000000, by policy or argument. "
        "RabbitMQ 4 takes -1 for none; 3.x gives up at the first chance then."
    ),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues:
  mail:
    type: quorum
    bindings: [{exchange: in, key: "#"}]
    retry: mail
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues:
  mail:
    type: quorum
    bindings: [{exchange: in, key: "#"}]
    retry: mail
policies:
  patient:
    pattern: "^mail$"
    apply-to: queues
    definition: {delivery-limit: 1000000}
""",
    find=_find,
)
