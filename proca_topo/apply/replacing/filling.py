"""Moving what was held into the new queue, as much as that keeps."""

from collections.abc import Callable
from dataclasses import dataclass

from proca_topo.apply.replacing.lingering import once_let_in
from proca_topo.apply.replacing.room import Room
from proca_topo.apply.survey import look_at
from proca_topo.apply.watch import Watcher
from proca_topo.broker.moving.move import Leaving, Move
from proca_topo.broker.protocol import Mover
from proca_topo.errors import BrokerError
from proca_topo.plan.messages.busy import messages
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM


@dataclass(frozen=True, kw_only=True)
class Filling:
    """What is needed to fill the queue named `new` through the exchange that is the `way` to it."""

    new: str
    way: str
    room: Room
    mover: Mover
    watch: Watcher
    sleep: Callable[[float], None]

    def move(self, there: Existing, source: str, *, wait: Callable[[int], None] | None = None) -> None:
        """Move all that a holding queue has, and delete that. `wait` waits for what is still on its way into it.

        Raises BrokerError if the new queue does not keep that much: by then it has as much as it keeps.
        """
        fitting, held = self.room.fitting(there.queues[self.new], [source])
        if fitting is None or held <= fitting:
            self._move(there, source, wait=wait)
        else:
            self._move(there, source, at_most=fitting)
            raise self._full(held - fitting)

    def move_so_far(self, there: Existing, source: str) -> None:
        """Move what a holding queue has by now: what keeps arriving is moved once nothing arrives any more."""
        room, _ = self.room.fitting(there.queues[self.new], [source])
        ready = self._look(source).ready
        if (measured := self.room.measured) is not None:
            ready = min(ready, measured)  # what has come since is measured when it is its turn
        fitting = ready if room is None else min(ready, room)
        self._move(there, source, at_most=fitting)
        if fitting < ready:
            raise self._full(ready - fitting)

    def _move(
        self,
        there: Existing,
        source: str,
        *,
        at_most: int | None = None,
        wait: Callable[[int], None] | None = None,
    ) -> None:
        if at_most == 0:
            return
        order = Move(
            source=source,
            exchange=self.way,
            leaving=Leaving.UNPARK,
            source_is_quorum=there.queues[source].type == QUORUM,
            delete_source=at_most is None,
            at_most=at_most,
        )
        self.watch.stage(f"{shown(self.new)}: moving messages back", self._look(source).messages)
        moved = once_let_in(lambda: self.mover.move(order, progress=self.watch.advance, idle=wait), self.sleep)
        self.room.has_moved(at_most)
        if order.delete_source and not moved.deleted:
            raise BrokerError(f"{shown(source)} is empty and was not deleted: apply again")

    def _look(self, queue: str) -> Activity:
        return look_at(self.room.broker, self.room.vhost, queue)

    def _full(self, left: int) -> BrokerError:
        return BrokerError(
            f"{shown(self.new)} keeps no more, with {messages(left)} still held for it: let its consumers make"
            " room, and apply again"
        )
