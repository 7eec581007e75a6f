"""Which queues are replaced at the same time: small ones, of which none needs that another one is there."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from proca_topo.plan.changes import Replace
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Queue
from proca_topo.topology.policies_in_force import DeadLetters, dead_letters

# One that has more is moved as fast as the broker can by itself.
_FEW_MESSAGES: Final = 1_000


@dataclass(frozen=True)
class Batches:
    """Replacements in their order, those together that may be made at the same time. `index` is what exists.

    Not together are two of which one gets a name that the other one has, or sends dead letters to where they may
    come to the other: what comes by a queue's name in the moment in which there is none is lost.
    """

    index: ExistingIndex
    _behind: dict[str, frozenset[str]] = field(default_factory=dict)

    def of(self, changes: Iterable[Replace]) -> Iterator[Sequence[Replace]]:
        """The batches, none of them empty."""
        batch: list[Replace] = []
        names: set[str] = set()
        reached: set[str] = set()
        all_small = True
        for change in changes:
            is_small, own, ahead = self._is_small(change), _names(change), self._reached_by(change)
            is_apart = own.isdisjoint(names) and own.isdisjoint(reached) and ahead.isdisjoint(names)
            if batch and not (all_small and is_small and is_apart):
                yield batch
                batch, names, reached = [], set(), set()
            batch.append(change)
            names |= own
            reached |= ahead
            all_small = is_small
        if batch:
            yield batch

    def _is_small(self, change: Replace) -> bool:
        """Whether it is of a queue that has few messages, none of which are held already."""
        if not isinstance(change.noun, Queue) or change.unfinished is not None or change.replaced is None:
            return False
        here = self.index.existing.activity.get(change.replaced.was.name, Activity())
        return here.counted and here.messages <= _FEW_MESSAGES

    def _reached_by(self, change: Replace) -> set[str]:
        """The queues that dead letters of the old queue, or of the new one, may come to."""
        found: set[str] = set()
        for letters in self._letters(change):
            if letters.exchange:
                found |= self._queues_behind(letters.exchange)
            else:
                # Without a key of their own they go by that which they came with, and may go to any queue.
                found |= (
                    self.index.existing.queues.keys() if letters.routing_key is None else {letters.routing_key}
                )
        return found - _names(change)

    def _letters(self, change: Replace) -> Iterator[DeadLetters]:
        for name in _names(change):
            yield from self.index.dead_letters.get(name, ())
        if isinstance(change.noun, Queue) and (after := dead_letters(change.noun, None)) is not None:
            yield after

    def _queues_behind(self, exchange: str) -> frozenset[str]:
        if exchange not in self._behind:
            self._behind[exchange] = self.index.queues_behind(exchange)
        return self._behind[exchange]


def _names(change: Replace) -> set[str]:
    was = {change.replaced.was.name} if change.replaced is not None else set()
    return was | {change.noun.name}
