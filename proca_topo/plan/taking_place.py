"""What stays because what may take its place is held back: its messages would have no way meanwhile."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Queue
from proca_topo.topology.routing.topic_trie import TopicTrie


def kept_for_now(gone: Undesired, held_back: Iterable[Binding], index: ExistingIndex) -> Mapping[Noun, str]:
    """The undesired objects on the way of messages that a desired binding will take which is held back.

    | object   | kept when                                                                          |
    |----------|------------------------------------------------------------------------------------|
    | binding  | such a binding, from the same exchange, may let a key through that it lets through |
    | any      | a kept binding leads to it, and so on from there                                   |
    """
    awaited = {source: list(group) for source, group in groupby(sorted(held_back, key=_SOURCE), key=_SOURCE)}
    if not awaited:
        return {}
    exchanges = {exchange.name: exchange for exchange in gone.exchanges}
    queues = {queue.name: queue for queue in gone.queues}
    by_source = {source: list(group) for source, group in groupby(sorted(gone.bindings, key=_SOURCE), key=_SOURCE)}
    reasons: dict[Noun, str] = {}
    for source, bindings in awaited.items():
        exchange = index.existing.exchanges.get(source)
        taken = _taken(exchange.type if exchange is not None else "", bindings, by_source.get(source, ()))
        for binding, by in taken:
            todo = [binding]
            while todo:
                one = todo.pop()
                if one in reasons:
                    continue
                reasons[one] = f"{shown(by.name)}, which may take its place, is held back"
                to_queue = one.destination_type is DestinationType.QUEUE
                end: Queue | Exchange | None = (queues if to_queue else exchanges).get(one.destination)
                if end is not None:
                    reasons.setdefault(end, f"{shown(one.name)} needs it")
                todo += () if to_queue else by_source.get(one.destination, ())
    return reasons


_SOURCE = attrgetter("source")


def _taken(kind: str, awaited: list[Binding], leaving: Iterable[Binding]) -> Iterator[tuple[Binding, Binding]]:
    """Each binding that leaves, with one that is awaited and may let through what it does."""
    trie: TopicTrie[Binding] = TopicTrie()
    for binding in awaited:
        trie.add(binding.routing_key, binding)
    by_key = {binding.routing_key: binding for binding in awaited}
    for binding in leaving:
        match kind:
            case "topic":
                key = next(iter(trie.shared_with(binding.routing_key)), None)
                by = next(iter(trie.matching(key)), None) if key is not None else None
            case "direct":
                by = by_key.get(binding.routing_key)
            case _:
                by = awaited[0]
        if by is not None:
            yield binding, by
