"""The retry circuit around a queue, read off what exists: spec and org file may long be gone."""

from dataclasses import dataclass

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.nouns import Binding


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """What a queue's rejected messages go through before they come back to it.

    `waiting` are the queues in which they may be waiting, `ways_back` the queue's own bindings by which they
    return. Both are empty for a queue that is in no circuit.
    """

    waiting: frozenset[str] = frozenset()
    ways_back: frozenset[Binding] = frozenset()


def circuit_of(queue: str, index: ExistingIndex) -> Circuit:
    """The circuit that `queue` is in, by what the broker has: dead-letter exchange, waiting queue, way back.

    Which key a message has is not looked at: a queue that the messages might wait in counts. A waiting queue whose
    dead letters return through the default exchange needs no binding; it counts too. Seen from the waiting queue
    the circuit looks the same; what tells the two apart is that messages leave the waiting queue by themselves.
    """
    letters = index.dead_letters.get(queue)
    if letters is None:
        return Circuit()
    waiting = set()
    ways_back = set()
    behind = {letters.routing_key} if letters.exchange == "" else index.queues_behind(letters.exchange)
    for candidate in behind - {queue, None}:
        onward = index.dead_letters.get(str(candidate))
        if onward is None or (index.expires_messages(queue) and not index.expires_messages(str(candidate))):
            continue
        if onward.exchange == "":
            if onward.routing_key in (queue, None):
                waiting.add(str(candidate))
            continue
        returning = index.reached_from(onward.exchange)
        back = [binding for binding in index.by_queue.get(queue, ()) if binding.source in returning]
        if back:
            waiting.add(str(candidate))
            ways_back.update(back)
    return Circuit(waiting=frozenset(waiting), ways_back=frozenset(ways_back))
