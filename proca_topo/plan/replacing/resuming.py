"""Which queue gets what an unfinished replacement holds, if any keeps it."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from proca_topo.plan.replacing.capacity import MAKE_ROOM, Capacity, why_impossible
from proca_topo.plan.replacing.held import capacity_for_held, why_neither_keeps, why_not_put_into
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.holding import Unfinished
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Queue
from proca_topo.topology.policies_in_force import PoliciesInForce

_HELD: Final = "held for it"


@dataclass(frozen=True, kw_only=True)
class Resuming:
    """One unfinished replacement, which is to become the queue of this `name`, as it is `wanted` by now.

    `policies` are those that are there when it goes on.
    """

    one: Unfinished
    name: str
    wanted: Queue
    existing: Existing
    policies: PoliciesInForce

    @cached_property
    def filled(self) -> Queue | None:
        """The queue that is there already and gets what is held."""
        is_new = self.one.old_is_gone or self.name != self.one.replaced.was.name
        return self.existing.queues.get(self.name) if is_new else None

    @property
    def as_it_was(self) -> Queue:
        """The queue that is put together again where the wanted one does not keep what is held."""
        return self.filled or replace(self.one.replaced.was, name=self.name)

    @cached_property
    def too_small(self) -> str | None:
        """Why the wanted queue does not keep all that will come into it."""
        return self._why_not(self.wanted)

    @cached_property
    def full(self) -> str | None:
        """Why the queue that is there already does not keep all that is held."""
        return self._why_not(self.filled) if self.filled is not None else None

    @cached_property
    def nowhere(self) -> str | None:
        """Why nothing is moved: neither the wanted queue nor the one as it was keeps what is held.

        One that is there already takes as much as it keeps; the old one is not deleted before it keeps all.
        """
        there = self.filled
        if there is not None:
            if (dropped := self._why_dropped(self._capacity(there))) is not None:
                return why_not_put_into(there, dropped, self.policies)
            full = None if self.one.old_is_gone else self.full
            return f"{shown(self.name)} is there already, and {full}: {MAKE_ROOM}" if full is not None else None
        if self.too_small is None or self._why_not(self.as_it_was) is None:
            return None
        dropped = self._why_dropped(self._capacity(self.as_it_was))
        return why_neither_keeps(self.too_small, self.as_it_was, self.policies, dropped=dropped is not None)

    @property
    def stopped(self) -> str | None:
        """Why not all that is held is moved by now."""
        return self.nowhere or self.full

    def _why_not(self, queue: Queue) -> str | None:
        was = self.one.replaced.was
        there = {queue.name, *(() if self.one.old_is_gone else (was.name,))}
        count = self.one.messages + sum(map(self._in, there))
        capacity = self._capacity(queue)
        return (
            why_impossible(was, queue) or self._why_dropped(capacity) or capacity.why_too_small(count, where=_HELD)
        )

    def _why_dropped(self, capacity: Capacity) -> str | None:
        waited = (self.one.parked or 0) + (0 if self.one.old_is_gone else self._in(self.one.replaced.was.name))
        return capacity.why_dropped(waited, self.one.arriving or 0, where=_HELD)

    def _capacity(self, queue: Queue) -> Capacity:
        return capacity_for_held(self.one.replaced, queue, self.policies)

    def _in(self, queue: str) -> int:
        return self.existing.activity.get(queue, Activity()).messages
