"""PT201: a queue's argument and its policy disagree."""

from collections.abc import Iterator
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown

_LESSER: Final = frozenset({"message-ttl", "expires", "max-length", "max-length-bytes", "delivery-limit"})
_ARGUMENT: Final = frozenset({"dead-letter-exchange", "dead-letter-routing-key"})


def _find(subject: Subject) -> Iterator[Finding]:
    for queue in subject.queues:
        found = subject.in_force.get(queue.name, ())
        if len(found) != 1 or not queue.arguments:
            continue
        arguments, definition = queue.arguments.to_dict(), found[0].definition.to_dict()
        for key in sorted(_LESSER | _ARGUMENT):
            mine, theirs = arguments.get(f"x-{key}"), definition.get(key)
            if mine is None or theirs is None or mine == theirs or type(mine) is not type(theirs):
                continue
            counts = mine if key in _ARGUMENT else min(mine, theirs)
            both = f"{shown(str(mine))} by argument and {shown(str(theirs))} by policy {shown(found[0].name)}"
            yield RULE.finding(queue, f"{key} is {both}; {shown(str(counts))} counts")


RULE: Final = Rule(
    code="PT201",
    severity=Severity.WARNING,
    title="a queue's argument and its policy disagree",
    cost=(
        "For times and limits the lesser of both counts, for the dead-letter exchange and its key "
        "the argument: one of the two has no effect, and who changes it wonders."
    ),
    remedy=("Keep one of them, the policy where it is to be changed later: that happens in place."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {ttl: 60s, bindings: [{exchange: in, key: "#"}]}}
policies: {times: {pattern: "^mail$", apply-to: queues, definition: {message-ttl: 30s}}}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]}}
policies: {times: {pattern: "^mail$", apply-to: queues, definition: {message-ttl: 30s}}}
""",
    find=_find,
)
