"""PT304: a queue of one org gets what is meant for another."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import Final

from proca_topo.rules.rule import Finding, Rule, Severity
from proca_topo.rules.subject import Subject
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding
from proca_topo.topology.routing.topic_trie import TopicTrie
from proca_topo.topology.routing.topics import is_single_key

_MOST_SHARED: Final = 50


def _find(subject: Subject) -> Iterator[Finding]:
    orgs = {queue.name: org for queue in subject.queues if (org := subject.desired.org_of(queue)) is not None}
    tries: dict[str, TopicTrie[Binding]] = defaultdict(TopicTrie)
    wide: list[Binding] = []
    for binding in subject.desired.bindings:
        exchange = subject.desired.exchanges.get(binding.source)
        if exchange is not None and exchange.type == "topic" and binding.destination in orgs:
            if is_single_key(binding.routing_key):
                tries[binding.source].add(binding.routing_key, binding)
            else:
                wide.append(binding)
    for binding in wide:
        mine, trie = orgs[binding.destination], tries[binding.source]
        for key in islice(trie.shared_with(binding.routing_key), _MOST_SHARED):
            other = next((one for one in trie.matching(key) if orgs[one.destination] != mine), None)
            if other is not None:
                text = (
                    f"leads {shown(key)} to {shown(mine)} too, which is meant for {shown(orgs[other.destination])}"
                )
                yield RULE.finding(binding, text)
                break


RULE: Final = Rule(
    code="PT304",
    severity=Severity.ERROR,
    title="a queue of one org gets what is meant for another",
    cost=(
        "Signatures are personal data. A pattern without the org's name in its place, or with a "
        "wildcard there, leads those of all orgs to one of them."
    ),
    remedy=("Put {org} into the key, in the place where the others have it."),
    example="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
org:
  queues:
    "{org}.mail": {bindings: [{exchange: in, key: "{org}.mail"}]}
    "{org}.log": {bindings: [{exchange: in, key: "*.mail", arguments: {of: "{org}"}}]}
""",
    mended="""\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
org:
  queues:
    "{org}.mail": {bindings: [{exchange: in, key: "{org}.mail"}]}
    "{org}.log": {bindings: [{exchange: in, key: "{org}.#"}]}
""",
    org="{}\n",
    find=_find,
)
