"""Moving all messages of one queue to another. None is lost, whatever dies: at worst one is there twice."""

import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.message_properties import moved, user_id
from proca_topo.broker.message_session import END_SECONDS, MessageSession
from proca_topo.broker.move import Move, Moved
from proca_topo.broker.source_deletion import SourceDeletion
from proca_topo.errors import AccessError, BrokerError, UnroutableError
from proca_topo.topology.names import shown

_PREFETCH: Final = 1_000
# A tenth of the prefetch: the broker always has room to send more before the acknowledgements come.
_ACKNOWLEDGE_EVERY: Final = 100
_PROGRESS_SECONDS: Final = 0.1
_LOOK_AGAIN_SECONDS: Final = 0.01


def move(
    address: BrokerAddress,
    vhost: str,
    order: Move,
    *,
    progress: Callable[[int], None],
    idle: Callable[[], None] | None = None,
    user: str | None = None,
) -> Moved:
    """Move messages, in their order, each acknowledged only once its copy is confirmed.

    `progress` is told how many more were moved. `idle` is called when the source is empty, before it is deleted;
    no heartbeat is answered meanwhile, so it should not take more than half a minute. What one of the two raises
    ends the move in good order and is raised here. `user` is who alone the messages may say they are from:
    RabbitMQ would close the channel because of another's.

    Raises InUseError if another consumes from the source, AccessError at a message from another user, and other
    BrokerErrors; what was not moved is then in the source.
    """
    moving = _Moving(address, vhost, order, progress=progress, idle=idle, user=user)
    moving.run()
    return Moved(messages=moving.moved, deleted=moving.deleted)


class _Phase(Enum):
    TAKING = auto()
    DETACHING = auto()
    DETACHED = auto()  # not consuming any more: the source is deleted once all is settled
    DELETING = auto()
    ENDING = auto()


class _Moving(MessageSession):
    """Every delivery is published on the channel that it came by: so the number of a publish in RabbitMQ's
    confirms is the delivery's tag.

    It ends in one of two ways. In good order: what was published is confirmed and acknowledged first. At once:
    what is confirmed is acknowledged. Either way what is not acknowledged stays in the source.
    """

    def __init__(
        self,
        address: BrokerAddress,
        vhost: str,
        order: Move,
        *,
        progress: Callable[[int], None],
        idle: Callable[[], None] | None,
        user: str | None,
    ) -> None:
        super().__init__(
            address,
            vhost,
            order.source,
            exchange=order.exchange,
            copy_properties=self._copied,
            at_most=order.at_most,
        )
        self.moved = 0
        self._order = order
        self._progress = progress
        self._idle = idle
        self._user = user
        self._confirms = self._passage.confirms
        self._acknowledged = 0
        self._asked_at: int | None = None
        self._idled = False
        self._phase = _Phase.TAKING
        self._deletion: SourceDeletion | None = None
        self._told = 0
        self._told_at = 0.0

    @property
    def deleted(self) -> bool:
        """Whether the source was deleted."""
        return self._deletion is not None and self._deletion.is_done

    def run(self) -> None:
        super().run()
        self._tell(at_last=True)

    def opened(self) -> None:
        self._channel.confirm_delivery(lambda _: None)
        self._begin()

    def received(self) -> None:
        if self._confirms.is_returned:
            self.fail(
                UnroutableError(
                    f"the private exchange {shown(self._order.exchange)} leads nowhere any more: somebody has"
                    f" unbound it. What could not be moved is in {shown(self._queue)}; apply again"
                )
            )
        elif self._confirms.is_refused:
            self.fail(
                BrokerError(
                    f"the queue that takes the messages of {shown(self._queue)} rejects them: it is full."
                    " What could not be moved is where it was; let the queue drain or raise its limit, and apply"
                    " again"
                )
            )
        elif not self._passage.is_taking:
            self._end()
        more = self._confirms.confirmed - self._acknowledged
        if more >= _ACKNOWLEDGE_EVERY or (more and self._confirms.is_settled):
            self._acknowledge()
            self._look()

    def cancelled(self) -> None:
        if self._deletion is None or not self._deletion.is_asked_for:
            super().cancelled()

    def closing(self) -> None:
        self._acknowledge()

    def _begin(self) -> None:
        self.consume(prefetch=_PREFETCH, exclusive=self._order.exclusive, then=self._look)

    def _copied(self, properties: bytes) -> bytes | None:
        if self._user is not None and (theirs := user_id(properties)) not in {None, self._user}:
            self._error = self._error or AccessError(
                f"a message in {shown(self._queue)} is from the user {shown(str(theirs))}, whose name RabbitMQ"
                " lets no other user publish with: give the user of this apply the tag 'impersonator', and apply"
                " again"
            )
            self._passage.is_taking = False
            return None
        return moved(properties, self._order.leaving, from_quorum=self._order.source_is_quorum)

    def _acknowledge(self) -> None:
        confirmed = self._confirms.confirmed
        if confirmed > self._acknowledged and self._channel.is_open:
            self._channel.basic_ack(confirmed, multiple=True)
            self._acknowledged = self.moved = confirmed
            self._tell()

    def _tell(self, *, at_last: bool = False) -> None:
        now = time.monotonic()
        if self.moved == self._told or not (at_last or now - self._told_at >= _PROGRESS_SECONDS):
            return
        more, self._told, self._told_at = self.moved - self._told, self.moved, now
        if at_last:
            self._progress(more)
        elif self._error is None:
            self._guarded(lambda: self._progress(more))

    def _guarded(self, call: Callable[[], None]) -> bool:
        """Call what may raise anything; then the move ends in good order. Whether it did not raise."""
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it is raised to the caller once all is acknowledged
            self._error = self._error or error
            self._stop()
            return False
        return True

    def _stop(self) -> None:
        """End in good order, with what has been delivered by then: a quorum queue counts what comes back to it."""
        if self._closing:
            return
        self._connection.ioloop.call_later(END_SECONDS, self.close)
        match self._phase:
            case _Phase.TAKING:
                self.detach(self._end)
            case _Phase.DETACHED:
                self._end()
            case _:
                pass  # it is about to end

    def _end(self) -> None:
        """End in good order, with what has been published."""
        if self._phase is not _Phase.ENDING:
            self._phase = _Phase.ENDING
            self._passage.is_taking = False
            self._connection.ioloop.call_later(END_SECONDS, self.close)
        self._look()

    def _look(self) -> None:
        """What is to be done once nothing is under way."""
        if self._closing or not self._confirms.is_settled:
            return
        match self._phase:
            case _Phase.TAKING:
                if self._error is None and self._asked_at is None:
                    self._ask(is_first=True)
            case _Phase.DETACHED:
                self._delete()
            case _Phase.ENDING:
                self.close()
            case _Phase.DETACHING | _Phase.DELETING:
                pass  # its answer comes

    def _ask(self, *, is_first: bool) -> None:
        """Have the source say how many messages are ready.

        Those that are on their way to us are not among them: they come before the answer to the second question.
        """
        self._asked_at = self._passage.seen
        self._channel.queue_declare(
            self._queue, passive=True, callback=lambda frame: self._counted(frame, is_first=is_first)
        )

    def _counted(self, frame: Any, *, is_first: bool) -> None:  # noqa: ANN401 - pika has no types
        asked_at, self._asked_at = self._asked_at, None
        if self._error is not None or self._closing:
            return
        if self._passage.seen != asked_at:
            self._look()
        elif frame.method.message_count:
            self._connection.ioloop.call_later(_LOOK_AGAIN_SECONDS, self._look)
        elif is_first:
            self._ask(is_first=False)
        else:
            self._empty()

    def _empty(self) -> None:
        is_quorum = self._order.source_is_quorum
        if self._idle is not None and not (self._idled and is_quorum):
            self._idled = True
            if not self._guarded(self._idle):
                return
            if is_quorum:
                self._look()  # the call took a while
                return
        if not self._order.delete_source:
            self._end()
        elif is_quorum:
            self._delete()
        else:
            self._phase = _Phase.DETACHING
            self.detach(self._detached)

    def _detached(self) -> None:
        if self._phase is _Phase.DETACHING:
            self._phase = _Phase.DETACHED
        if self._error is None:
            self._look()
        else:
            self._end()

    def _delete(self) -> None:
        self._phase = _Phase.DELETING
        if self._deletion is None:
            self._deletion = SourceDeletion(
                self._connection,
                self._queue,
                is_checked=not self._order.source_is_quorum,
                done=self._gone,
                came_between=self._begin_again,
                failed=self.fail,
            )
        self._deletion.ask()

    def _gone(self) -> None:
        # What was delivered before is in front of this answer.
        self._channel.basic_qos(prefetch_count=_PREFETCH, callback=lambda _: self._end())

    def _begin_again(self) -> None:
        if self._error is not None:
            self._end()
            return
        self._phase = _Phase.TAKING
        self._begin()
