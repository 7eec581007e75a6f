"""Emptying the old queue: others kept out, everything parked, and a last look before it is deleted."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from proca_topo.apply.deleting_queues import QUORUM_SETTLE_SECONDS
from proca_topo.apply.replacing.room import Room, policies_now
from proca_topo.apply.replacing.settling import Settling
from proca_topo.apply.survey import look_at
from proca_topo.apply.watch import Watcher
from proca_topo.broker.moving.move import Leaving, Move
from proca_topo.broker.protocol import Broker, Mover
from proca_topo.errors import BrokerError, InUseError
from proca_topo.plan.messages.busy import why_dead_letters_cannot_be_moved
from proca_topo.plan.replacing.risky_policies import why_moving_is_unsafe
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.holding import Holding
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM, Queue
from proca_topo.topology.policies_in_force import may_keep_dead_letters

_ACKNOWLEDGE_SECONDS: Final = 10.0
_DISCONNECT_SECONDS: Final = 30.0
_PAUSE_SECONDS: Final = 0.1


class _ReboundError(Exception):
    """Somebody has bound the old queue anew."""


@dataclass(frozen=True, kw_only=True)
class Draining:
    """What is needed to empty one queue and delete it. `existing` is the vhost as it was read last."""

    old: str
    holding: Holding
    room: Room
    existing: Existing
    broker: Broker
    mover: Mover
    watch: Watcher
    disconnecting: bool
    sleep: Callable[[float], None]

    def park(self, old: Queue, settling: Settling) -> None:
        """Move everything to the holding queue, wait for what is on its way, and delete the queue.

        It is still there afterwards if somebody has bound it anew. Raises BrokerError if it is in use, or if there
        would be no queue that keeps what it had.
        """
        # RabbitMQ has no exclusive consumers on such a queue: there the first one keeps all messages to itself.
        alone = old.arguments.get("x-single-active-consumer") is not True
        order = Move(
            source=old.name,
            exchange=self.holding.parked,
            leaving=Leaving.PARK,
            source_is_quorum=old.type == QUORUM,
            exclusive=alone,
            delete_source=True,
        )
        idle = partial(self._before_deletion, old, settling=settling)
        self.watch.stage(f"{shown(old.name)}: parking messages", self._look().messages)
        self._let_drain(old)
        make_room = partial(self._make_room, time.monotonic() + _DISCONNECT_SECONDS)
        while True:
            try:
                self.mover.move(order, progress=self.watch.advance, idle=idle, make_room=make_room)
            except InUseError:
                make_room()  # somebody was faster
            except _ReboundError:
                return  # the next look at it shows the binding, and the step that moves it
            else:
                return

    def _let_drain(self, old: Queue) -> None:
        """Leave to its consumers what has come before the queue was unbound, if moving it might drop it."""
        deadline = time.monotonic() + _ACKNOWLEDGE_SECONDS
        policies = policies_now(old, self.mover)
        while (reason := why_moving_is_unsafe(old, policies, self._look().messages)) is not None:
            if time.monotonic() > deadline:
                raise BrokerError(f"{reason}, by its consumers, and apply again")
            self.sleep(_PAUSE_SECONDS)

    def _make_room(self, deadline: float) -> None:
        used = f"somebody consumes from {shown(self.old)}"
        if not self.disconnecting:
            raise BrokerError(f"{used}: stop it, or let --disconnect-consumers do it, and apply again")
        if time.monotonic() > deadline:
            raise BrokerError(f"{used}, again and again: stop it, and apply again")
        self._disconnect()

    def _disconnect(self) -> None:
        """Let consumers finish what they have, then close their connections."""
        deadline = time.monotonic() + _ACKNOWLEDGE_SECONDS
        while self._look().unacknowledged and time.monotonic() < deadline:
            self.sleep(_PAUSE_SECONDS)
        for client in self.mover.clients(self.old):
            self.watch.stage(f"{shown(self.old)}: disconnect {client.text}", 0)
            self.mover.disconnect(client)

    def _before_deletion(self, old: Queue, came: int, *, settling: Settling) -> None:
        """All is parked: look whether the queue can be deleted. Raises what speaks against it."""
        settling.wait(came)
        if not self._is_ours_alone(old):
            if old.type == QUORUM:
                self.sleep(QUORUM_SETTLE_SECONDS)
            self._wait_for_others()
        if self.mover.observe([self.old], []).bindings:
            raise _ReboundError
        self.room.check()

    def _is_ours_alone(self, old: Queue) -> bool:
        """Whether it is certain at once that nobody else holds a message of a quorum queue, nor the queue itself.

        RabbitMQ's API would tell it some seconds late.
        """
        return (
            old.type == QUORUM
            and not may_keep_dead_letters(old, policies_now(old, self.mover))
            and self.mover.holders(old.name) == 1
        )

    def _wait_for_others(self) -> None:
        """Raises BrokerError if they keep what they have."""
        deadline = time.monotonic() + _ACKNOWLEDGE_SECONDS
        while (why := self._why_not_empty()) is not None:
            if time.monotonic() > deadline:
                raise BrokerError(f"{why}, and apply again")
            self.sleep(_PAUSE_SECONDS)

    def _why_not_empty(self) -> str | None:
        """What is still in the queue and is not moved, with what to do about it."""
        here = self._look()
        if not here.counted:
            # What its API tells of such a queue is from when it answered last.
            return f"RabbitMQ does not tell what is in {shown(self.old)} at this moment: wait until it does"
        if here.unacknowledged:
            return (
                f"{here.unacknowledged} of the messages in {shown(self.old)} are held unacknowledged by a client"
                " that does not consume: end that client"
            )
        return why_dead_letters_cannot_be_moved(self.old, here)

    def _look(self) -> Activity:
        return look_at(self.broker, self.existing.vhost, self.old)
