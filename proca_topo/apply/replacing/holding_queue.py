"""The queues that hold messages while one is replaced."""

from typing import Final

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import QUORUM, Queue

_NO_LIMIT: Final = -1
_FIRST_WITH_NO_LIMIT: Final = 4


def holding_queue(name: str, replaced: Replaced, index: ExistingIndex) -> Queue:
    """A queue as safe as the old one; what expires in it goes where it would have gone."""
    was, arguments = replaced.was, replaced.arguments
    letters = index.dead_letters.get(was.name, ())
    if letters:
        arguments["x-dead-letter-exchange"] = letters[0].exchange
        if letters[0].routing_key is not None:
            arguments["x-dead-letter-routing-key"] = letters[0].routing_key
    if was.type == QUORUM and index.existing.broker.major >= _FIRST_WITH_NO_LIMIT:
        # From 4.0 on a quorum queue drops what was delivered 20 times, and every interruption delivers again.
        arguments["x-delivery-limit"] = _NO_LIMIT
    return Queue(name=name, type=was.type, arguments=Arguments.of(arguments))
