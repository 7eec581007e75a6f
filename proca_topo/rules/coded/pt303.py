"""PT303: a binding is covered by another one."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding
from proca_topo.topology.routing.topic_trie import TopicTrie
from proca_topo.topology.routing.topics import covers


def _find(subject: Subject) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str], list[Binding]] = defaultdict(list)
    for binding in subject.desired.bindings:
        groups[binding.source, binding.destination_type, binding.destination].append(binding)
    for (source, _, _), group in groups.items():
        exchange = subject.desired.exchanges.get(source)
        if len(group) > 1 and exchange is not None:
            for narrow, wide in _covered(exchange.type, sorted(group, key=lambda b: (len(b.routing_key), b.name))):
                yield RULE.finding(narrow, f"lets through nothing that {shown(wide.name)} does not")


def _covered(exchange_type: str, group: Sequence[Binding]) -> Iterator[tuple[Binding, Binding]]:
    """The bindings that another one of the same ends covers, each with one that does."""
    if exchange_type == "fanout":
        yield from ((binding, group[0]) for binding in group[1:])
    if exchange_type != "topic":
        return
    trie: TopicTrie[Binding] = TopicTrie()
    for binding in group:
        trie.add(binding.routing_key, binding)
    for narrow in group:
        # A wildcard as a word of a key is let through by wildcards only.
        others = (wide for wide in trie.matching(narrow.routing_key) if wide is not narrow)
        wide = next((one for one in others if covers(one.routing_key, narrow.routing_key)), None)
        if wide is not None and not (covers(narrow.routing_key, wide.routing_key) and group.index(narrow) == 0):
            yield narrow, wide


RULE: Final = Rule(
    code="PT303",
    severity=Severity.WARNING,
    title="a binding is covered by another one",
    cost=(
        "It changes nothing: every message that it lets through comes by the other binding too, "
        "once. Who removes the other one, or this one, is in for a surprise."
    ),
    remedy=("Keep the binding that says what is meant."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  mail:
    bindings: [{exchange: in, key: "mail.#"}, {exchange: in, key: mail.urgent}]
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
queues:
  mail:
    bindings: [{exchange: in, key: "mail.#"}]
""",
    find=_find,
)
