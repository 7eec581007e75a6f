"""What stays until a binding is there that is to take over from it, and that is held back."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.pruning.keeping import with_policies
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun
from proca_topo.topology.routing.topic_trie import TopicTrie


def kept_until_bound(awaited: Collection[Binding], gone: Undesired, index: ExistingIndex) -> Mapping[Noun, str]:
    """The undesired bindings that share keys with an awaited one, and what they lead to, each with the reason.

    Without them a message with such a key would have no way on in the meantime.
    """
    queues = {queue.name: queue for queue in gone.queues}
    own: dict[Noun, str] = {}
    ends: dict[Noun, str] = {}
    behind: dict[Noun, str] = {}
    for old, reason in _shared(awaited, gone, index).items():
        own[old] = reason
        if old.destination_type is DestinationType.EXCHANGE:
            behind.update(dict.fromkeys(gone.behind(old.destination, index), reason))
        elif (queue := queues.get(old.destination)) is not None:
            ends.setdefault(queue, reason)
    reasons = ends | behind | own
    in_order = {noun: reasons[noun] for noun in gone.everything() if noun in reasons}
    return with_policies(in_order, gone, index)


def _shared(awaited: Collection[Binding], gone: Undesired, index: ExistingIndex) -> Mapping[Binding, str]:
    by_source: dict[str, list[Binding]] = defaultdict(list)
    for binding in awaited:
        by_source[binding.source].append(binding)
    leaving: dict[str, list[Binding]] = defaultdict(list)
    for binding in gone.bindings:
        leaving[binding.source].append(binding)
    return {
        old: f"{shown(new.name)} may take over from it and is held back: that goes first"
        for source, bindings in by_source.items()
        for old, new in _pairs(index.existing.exchanges.get(source), bindings, leaving[source])
    }


def _pairs(
    source: Exchange | None, awaited: Sequence[Binding], leaving: Iterable[Binding]
) -> Iterator[tuple[Binding, Binding]]:
    """Each binding that leaves, with an awaited one where a message may take both."""
    by_key = {binding.routing_key: binding for binding in awaited}
    trie: TopicTrie[Binding] = TopicTrie()
    for binding in awaited:
        trie.add(binding.routing_key, binding)
    for old in leaving:
        match source.type if source is not None else None:
            case "direct":
                new = by_key.get(old.routing_key)
            case "topic":
                key = next(trie.shared_with(old.routing_key), None)
                new = None if key is None else trie.matching(key)[0]
            case _:
                new = awaited[0]
        if new is not None:
            yield old, new
