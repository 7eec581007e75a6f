"""Which queue what is held can go into, and how much of it: looked at whenever it is about to be moved there."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Final

from proca_topo.apply.deleting_queues import QUORUM_SETTLE_SECONDS
from proca_topo.apply.replacing.lingering import once_let_in
from proca_topo.apply.survey import look_at
from proca_topo.broker.moving.inspecting import Inspected, untold
from proca_topo.broker.protocol import Broker, Mover
from proca_topo.errors import BrokerError, InUseError
from proca_topo.plan.messages.busy import messages
from proca_topo.plan.replacing.capacity import (
    MAKE_ROOM,
    Capacity,
    capacity_before,
    capacity_of,
    why_impossible,
)
from proca_topo.plan.replacing.held import (
    capacity_for_held,
    in_force_now,
    why_neither_keeps,
    why_not_put_into,
)
from proca_topo.topology.existing import Activity
from proca_topo.topology.holding import InForce, Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce

_HELD: Final = "held for it"


def all_policies(mover: Mover) -> Sequence[Policy]:
    """The policies of this moment, those of the operator too."""
    return (*mover.policies(), *mover.operator_policies())


def policies_now(queue: Queue, mover: Mover) -> Sequence[Policy]:
    """Those of them that may be in force on a queue: one of each kind is."""
    return [one for kind in _kinds_of_policies(mover) for one in kind.candidates(queue)]


def capacity_beside(before: Queue, after: Queue, mover: Mover) -> Capacity:
    """The capacity of a queue, but for what is no narrower in the one that it is about to take the place of."""
    policies, limiting = _kinds_of_policies(mover)
    capacity = capacity_of(after, policies.possible(after), limiting.candidates(after))
    in_force, limit = policies.policy_of(before), limiting.policy_of(before)
    there = capacity_before(before, in_force, () if limit is None else (limit,))
    return capacity.compared_with(there, same_type=before.type == after.type)


def in_force_at_first(was: Queue, wanted: Queue, mover: Mover, *, waits: bool) -> InForce:
    """What is in force as a replacement begins, and whether anything `waits` in the old queue by then."""
    policies, limiting = _kinds_of_policies(mover)
    return in_force_now(was, wanted, policies, limiting, waits=waits)


def _kinds_of_policies(mover: Mover) -> Sequence[PoliciesInForce]:
    return [PoliciesInForce(kind) for kind in (mover.policies(), mover.operator_policies())]


class NoRoomError(BrokerError):
    """Neither the wanted queue nor the one as it was would keep what is held."""


@dataclass(kw_only=True)
class Room:
    """The room for what one replacement holds."""

    replaced: Replaced
    wanted: Queue
    vhost: str
    broker: Broker
    mover: Mover
    sleep: Callable[[float], None]
    # The bytes moved into the new queue since this run has declared it, or seen it empty; None if it has not.
    _moved: int | None = field(default=None, init=False)
    # Those of the messages that were measured last, in the order in which they are moved.
    _measured: Sequence[int] | None = field(default=None, init=False)

    def why_dropped(self, new: Queue | None, *, in_old: int = 0) -> str | None:
        """Why what is held would be dropped in the `new` queue, or in any that could be declared; None if it would
        not. So many messages are still `in_old`, which have waited as well.
        """
        sources = self.replaced.holding.queues
        if new is not None:
            return self._why_dropped_there(new, self._capacity(new), sources, in_old)
        reasons = [
            self._why_dropped(self._capacity(queue), sources, in_old) for queue in (self.wanted, self._as_it_was)
        ]
        return None if reasons[0] is None or reasons[1] is None else self._nowhere(reasons[0], dropped=True)

    def check(self) -> None:
        """Raises BrokerError if what is held could go nowhere once the old queue is gone."""
        name, sources = self.wanted.name, self.replaced.holding.queues
        new = None if name == self.replaced.was.name else self.mover.observe([name], []).queues.get(name)
        if new is None:
            self._chosen()
            return
        fitting, held = self.fitting(new, sources)
        if fitting is not None and held > fitting:
            raise BrokerError(
                f"{shown(name)} is there already and has room for {fitting} of {messages(held)} that are {_HELD}:"
                f" {MAKE_ROOM}"
            )

    def to_declare(self) -> Queue:
        """The wanted queue; the old one as it was if the wanted one would not keep all that is held by now.

        Raises BrokerError if that would not keep it either.
        """
        chosen = self._chosen()
        self._moved = 0
        return chosen

    def fitting(self, new: Queue, sources: Collection[str]) -> tuple[int | None, int]:
        """How many messages of these holding queues, from their heads, the queue that is there keeps (None for as
        many as may come), and how many there are.

        Raises BrokerError if it might lose all that comes into it.
        """
        fitting, held = self._fitting(new, sources)
        if fitting is not None and held > fitting and QUORUM in {new.type, self.replaced.was.type}:
            self.sleep(QUORUM_SETTLE_SECONDS)
            fitting, held = self._fitting(new, sources)
        return fitting, held

    def has_moved(self, count: int | None) -> None:
        """So many of the messages that were measured last are in the new queue by now; None for all."""
        if self._moved is not None and self._measured is not None:
            self._moved += sum(self._measured[:count])

    @property
    def measured(self) -> int | None:
        """How many messages were measured last; None if it does not matter how large they are."""
        return None if self._measured is None else len(self._measured)

    def _fitting(self, new: Queue, sources: Collection[str]) -> tuple[int | None, int]:
        if (reason := why_impossible(self.replaced.was, new)) is not None:
            raise BrokerError(f"{shown(new.name)} is there, and {reason}: delete it, and apply again")
        capacity = self._capacity(new)
        if (reason := self._why_dropped_there(new, capacity, sources)) is not None:
            raise BrokerError(reason)
        self._measured = None
        held = self._held(sources) if capacity.is_limited else 0
        if not held:
            return None, 0
        there = self._counted(new.name)
        if capacity.expires is not None and not there.consumers:
            raise BrokerError(
                f"nobody consumes from {shown(new.name)}, whose expires could delete it with what is {_HELD}:"
                " start its consumers, and apply again"
            )
        room = None if capacity.length is None else max(0, capacity.length - there.messages)
        if capacity.size is not None:
            room = self._within(capacity.size, room, new, there, sources)
        return room, held

    def _chosen(self) -> Queue:
        reason = self._why_not(self.wanted)
        if reason is not None and QUORUM in {self.replaced.was.type, self.wanted.type}:
            # RabbitMQ counts these late, and may count twice what was moved a moment ago.
            self.sleep(QUORUM_SETTLE_SECONDS)
            reason = self._why_not(self.wanted)
        if reason is None:
            return self.wanted
        if self._why_not(self._as_it_was) is None:
            return self._as_it_was
        dropped = self._why_dropped(self._capacity(self._as_it_was), self.replaced.holding.queues)
        raise NoRoomError(self._nowhere(reason, dropped=dropped is not None))

    @property
    def _as_it_was(self) -> Queue:
        return replace(self.replaced.was, name=self.wanted.name)

    def _nowhere(self, reason: str, *, dropped: bool) -> str:
        return why_neither_keeps(reason, self._as_it_was, *_kinds_of_policies(self.mover), dropped=dropped)

    def _why_not(self, queue: Queue) -> str | None:
        if (reason := why_impossible(self.replaced.was, queue)) is not None:
            return reason
        capacity, sources = self._capacity(queue), self.replaced.holding.queues
        if (reason := self._why_dropped(capacity, sources)) is not None:
            return reason
        if not capacity.is_limited:
            return None
        if capacity.size is not None and (size := sum(self._sizes(queue, sources))) > capacity.size:
            return capacity.why_too_small_for(size, where=_HELD)
        return capacity.why_too_small(self._held(sources), where=_HELD)

    def _why_dropped(self, capacity: Capacity, sources: Collection[str], in_old: int = 0) -> str | None:
        if (capacity.drops, capacity.drops_arrived) == (None, None):
            return None
        waited, arrived = (self._held({name}.intersection(sources)) for name in self.replaced.holding.queues)
        return capacity.why_dropped(waited + in_old, arrived, where=_HELD)

    def _why_dropped_there(
        self, new: Queue, capacity: Capacity, sources: Collection[str], in_old: int = 0
    ) -> str | None:
        if (reason := self._why_dropped(capacity, sources, in_old)) is None:
            return None
        return why_not_put_into(new, reason, *_kinds_of_policies(self.mover))

    def _capacity(self, queue: Queue) -> Capacity:
        return capacity_for_held(self.replaced, queue, *_kinds_of_policies(self.mover))

    def _within(
        self, limit: int, room: int | None, new: Queue, there: Activity, sources: Collection[str]
    ) -> int | None:
        self._measured = self._sizes(new, sources)
        sums = list(accumulate(self._measured))
        left = limit - self._size_of(new, there)
        if not sums or sums[-1] <= left:
            return room
        fitting = sum(total <= left for total in sums)
        return fitting if room is None else min(room, fitting)

    def _size_of(self, new: Queue, there: Activity) -> int:
        if self._moved is None and not there.messages:
            self._moved = 0
        if self._moved is not None:
            return self._moved
        if new.type == QUORUM:
            # Each look is a delivery to it, of which it may allow only some.
            raise BrokerError(
                f"what is in {shown(new.name)} cannot be measured without a risk, and its max-length-bytes might"
                f" be too small for what is {_HELD} besides: let its consumers take it, and apply again"
            )
        return sum(self._inspected(new.name).sizes_in(new.type))

    def _sizes(self, new: Queue, sources: Collection[str]) -> list[int]:
        filled = [name for name in sources if self._counted(name).messages]
        return [size for name in filled for size in self._inspected(name).sizes_in(new.type)]

    def _inspected(self, queue: str) -> Inspected:
        try:
            return once_let_in(lambda: self.mover.inspect(queue), self.sleep)
        except InUseError as error:
            # Not for whoever empties the old queue: it is another one that is in use.
            raise BrokerError(
                f"somebody consumes from {shown(queue)}, which is of this replacement: end that connection"
            ) from error

    def _held(self, sources: Collection[str]) -> int:
        return sum(self._counted(name).messages for name in sources)

    def _counted(self, queue: str) -> Activity:
        """What is in a queue at this moment. Raises BrokerError if RabbitMQ does not tell."""
        activity = look_at(self.broker, self.vhost, queue)
        if not activity.counted:
            raise untold(queue)
        return activity
