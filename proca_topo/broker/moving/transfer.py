"""One move from its beginning to its end. Imported only together with pika."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.amqp.counting import is_certain
from proca_topo.broker.amqp.errors import InternalError
from proca_topo.broker.amqp.lines import Lines
from proca_topo.broker.moving import refusals
from proca_topo.broker.moving.move import Move, Moved
from proca_topo.broker.moving.outgoing import Outgoing
from proca_topo.broker.moving.raw_properties import raw_properties
from proca_topo.broker.moving.relay import Relay
from proca_topo.errors import BrokerError

_TELL_SECONDS: Final = 0.1
_PAUSE_SECONDS: Final = 0.01
_STALL_SECONDS: Final = 60.0
# So long is moved what has come since the beginning, if there is no end of it.
_OVERTIME_SECONDS: Final = 60.0
# What is under way gets so long to be finished once the move has failed.
_FINISH_SECONDS: Final = 10.0
_LOOKS: Final = 2
_MOST_DELETIONS: Final = 20
# What is published straight to a queue's name has no end.
_MOST_IDLES: Final = 20
_PRECONDITION_FAILED: Final = 406

_Request = Callable[[Callable[[Any], None]], object]


class Transfer:
    """The steps of a move, one after the other, while a `Relay` moves what comes.

    It consumes by one connection and publishes by another. RabbitMQ reads nothing more from one that publishes as
    long as it has an alarm; what was confirmed by then can still be acknowledged by the other.
    """

    def __init__(
        self,
        address: BrokerAddress,
        vhost: str,
        order: Move,
        *,
        progress: Callable[[int], None],
        idle: Callable[[int], None] | None,
        make_room: Callable[[], None] | None,
    ) -> None:
        self._address = address
        self._vhost = vhost
        self._order = order
        self._progress = progress
        self._idle = idle
        # A quorum queue cannot be told to go only if it is empty: to look once more makes nothing more certain.
        self._most_idles = 1 if order.source_is_quorum else _MOST_IDLES
        self._make_room = make_room
        self._told = 0
        self._seen = (0, 0)
        self._seen_at = time.monotonic()
        self._told_at = 0.0
        self._there_before: int | None = None
        self._overtime_at: float | None = None
        self._refusals = 0
        self._deleted = False
        self._knows_others = True
        self._is_let_in = not order.source_is_quorum
        self._lines: Lines
        self._source: Channel
        self._relay: Relay

    def run(self) -> Moved:
        """Do it all. Raises what ended it, with the connections closed."""
        with raw_properties(), Lines(self._address, self._vhost) as self._lines:
            self._source = self._lines.open("proca-topo move, consuming")
            target = self._lines.open("proca-topo move, publishing")
            self._relay = Relay(
                self._order,
                self._address.amqp_username,
                source=self._source,
                target=target,
                publish=Outgoing(target, self._order.exchange).publish,
                wake=self._lines.wake,
            )
            try:
                self._begin()
                self._move()
            except Exception:
                self._finish()
                raise
            self._finish()
        self._tell()
        return Moved(messages=self._relay.moved, deleted=self._deleted)

    def _begin(self) -> None:
        self._ask(self._relay.confirm)
        self._ask(self._set_prefetch)
        # Whoever is disconnected comes back, often at once. So everything else is ready by then.
        while self._make_room is not None and self._ask(self._count).consumer_count:
            self._make_room()
            self._seen_at = time.monotonic()
        there = self._look().message_count
        self._there_before = there if self._knows_others else None  # else it has not told that either
        try:
            self._ask(self._relay.consume)
        except InternalError as error:
            if self._is_let_in:
                raise
            raise refusals.leaderless(self._order) from error
        self._is_let_in = True
        self._look()
        self._knows_others = True  # there were none

    def _move(self) -> None:
        idles, calm_since = 0, 0
        while True:
            self._wait(lambda: self._relay.is_settled)
            delivered = self._relay.delivered
            if delivered == self._order.at_most:
                return
            if not self._is_empty():
                continue
            came = delivered - calm_since
            if self._idle is not None and idles < self._most_idles and (came or not idles):
                asked_at = time.monotonic()
                self._idle(came)
                self._seen_at = time.monotonic()  # it may have taken a while
                if self._overtime_at is not None:
                    self._overtime_at += self._seen_at - asked_at
                idles, calm_since = idles + 1, delivered
            elif not self._order.delete_source or self._delete():
                return

    def _finish(self) -> None:
        """Let the source give all that it is about to, then end the consumer, and acknowledge what is confirmed.

        Without that, pika would give back one by one what is on its way. A quorum queue counts that as delivered,
        and puts it before what goes back later, with the channel.
        """
        relay, deadline = self._relay, time.monotonic() + _FINISH_SECONDS
        relay.withhold()
        looks_in_vain = 0
        while not relay.has_all and looks_in_vain < _LOOKS and time.monotonic() < deadline:
            counts = self._answer_to(self._count, deadline)
            in_vain = counts is not None and self._is_of_source(counts) and counts.message_count == 0
            looks_in_vain = looks_in_vain + 1 if in_vain else 0
        if relay.is_consuming:
            self._answer_to(relay.cancel, deadline)
        self._lines.serve_until(lambda: relay.is_settled or relay.is_cut_off, deadline - time.monotonic())
        relay.acknowledge()
        relay.acknowledge_apart()

    def _is_empty(self) -> bool:
        """Whether the source has nothing more, neither ready nor on its way to us.

        What is on its way is not counted as ready, but comes before the answer to the second question.
        """
        before = self._relay.delivered
        for _ in range(_LOOKS):
            if self._look().message_count:
                self._lines.serve_until(lambda: self._relay.delivered != before, _PAUSE_SECONDS)
                return False
        return self._relay.delivered == before and self._relay.is_settled

    def _look(self) -> Any:  # noqa: ANN401 - pika has no types
        """How many messages are ready. Raises InUseError if another consumes.

        One that comes to a quorum queue later cannot be kept out, and gets nothing as long as we have room.
        """
        asked_at = time.monotonic()
        while not self._is_of_source(counts := self._ask(self._count)):
            self._lines.serve_until(lambda: False, _PAUSE_SECONDS)
        if not self._relay.is_consuming:
            self._knows_others = is_certain(counts, time.monotonic() - asked_at)
        comes_late = self._order.source_is_quorum and self._relay.is_consuming and self._knows_others
        if counts.consumer_count > self._relay.is_consuming and not comes_late:
            raise refusals.in_use(self._order.source)
        return counts

    def _is_of_source(self, counts: Any) -> bool:  # noqa: ANN401 - pika has no types
        """Whether these are the source's counts: RabbitMQ says that a quorum queue that has no time has neither
        messages nor consumers, though we are one.
        """
        return bool(counts.consumer_count >= self._relay.is_consuming)

    def _delete(self) -> bool:
        """Delete the source, which is empty. False if something has come meanwhile, which is then to be moved."""
        if self._order.source_is_quorum:
            # Such a queue checks nothing itself. So the consumer stays: what is still published to the name of the
            # queue is delivered to it before the queue goes.
            self._relay.is_being_deleted = True
            if (refusal := self._refusal_to_delete()) is not None:
                raise refusals.undeletable(self._order, refusal)
            self._deleted = True
            self._ask(self._set_prefetch)  # what was delivered comes before the answer
            self._wait(lambda: self._relay.is_settled)
            return True
        self._ask(self._relay.cancel)
        # Before it answers this the source has again what has just been given back.
        if self._look().message_count == 0:
            self._wait(lambda: self._relay.is_settled)
            refusal = self._refusal_to_delete()
            self._deleted = refusal is None
            if refusal is not None:
                self._refusals += 1
                if refusal.reply_code != _PRECONDITION_FAILED or self._refusals == _MOST_DELETIONS:
                    raise refusals.undeletable(self._order, refusal)
        if not self._deleted:
            self._wait(lambda: self._relay.is_settled)
            self._ask(self._relay.consume)
        return self._deleted

    def _refusal_to_delete(self) -> ChannelClosedByBroker | None:
        """Delete the source, on a channel of its own, which RabbitMQ closes if it refuses."""
        channel = self._lines.channel(self._source.connection)
        outcome: list[object] = []

        def ended(what: object) -> None:
            outcome.append(what)
            self._lines.wake()

        channel.add_on_close_callback(lambda _, reason: ended(reason))
        checked = not self._order.source_is_quorum
        channel.queue_delete(self._order.source, if_unused=checked, if_empty=checked, callback=ended)
        self._wait(lambda: bool(outcome))
        return outcome[0] if isinstance(outcome[0], ChannelClosedByBroker) else None

    def _count(self, answered: Callable[[Any], None]) -> None:
        self._source.queue_declare(self._order.source, passive=True, callback=answered)

    def _set_prefetch(self, answered: Callable[[Any], None]) -> None:
        self._source.basic_qos(prefetch_count=self._relay.prefetch, callback=answered)

    def _ask(self, request: _Request) -> Any:  # noqa: ANN401 - pika has no types
        """What RabbitMQ answers. Raises what ends the move meanwhile."""
        answers: list[Any] = []
        request(partial(self._take, answers))
        self._wait(lambda: bool(answers))
        return answers[0].method

    def _answer_to(self, request: _Request, deadline: float) -> Any:  # noqa: ANN401 - pika has no types
        """What the source's side answers in time; None if it does not."""
        answers: list[Any] = []
        request(partial(self._take, answers))
        left = deadline - time.monotonic()
        self._lines.serve_until(lambda: bool(answers) or not self._source.is_open, left)
        return answers[0].method if answers else None

    def _take(self, answers: list[Any], frame: Any) -> None:  # noqa: ANN401 - pika has no types
        answers.append(frame)
        self._lines.wake()

    def _wait(self, until: Callable[[], bool]) -> None:
        """Relay messages until that holds. Raises what ends the move, and what `progress` raises."""
        while True:
            if (failure := self._failure) is not None:
                raise failure
            self._check_progress()
            if until():
                return
            self._lines.serve_until(lambda: until() or self._failure is not None, _TELL_SECONDS)

    @property
    def _failure(self) -> BrokerError | None:
        return self._relay.failure or self._lines.failure

    def _check_progress(self) -> None:
        now, seen = time.monotonic(), (self._relay.delivered, self._relay.answered)
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
        elif now - self._seen_at > _STALL_SECONDS:
            if not self._is_let_in:
                raise refusals.leaderless(self._order)
            raise refusals.stalled(self._order, _STALL_SECONDS)
        if self._overtime_at is not None and now - self._overtime_at > _OVERTIME_SECONDS:
            raise refusals.endless(self._order)
        if self._overtime_at is None and self._there_before is not None and seen[0] > self._there_before:
            self._overtime_at = now
        if now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._tell()

    def _tell(self) -> None:
        if more := self._relay.moved - self._told:
            self._told += more
            self._progress(more)
