"""Deleting a queue that was emptied, as carefully as RabbitMQ lets us."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from proca_topo.errors import BrokerError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from pika.channel import Channel

    from proca_topo.broker.message_connection import MessageConnection

_MOST_REFUSALS: Final = 20
_PRECONDITION_FAILED: Final = 406


class SourceDeletion:
    """One queue's deletion, which may be asked for again after it was refused.

    A classic queue goes only if unused and empty, which RabbitMQ checks itself. Of a quorum queue it cannot check
    that: there the consumer stays, so that what is still published to the queue's name reaches it first.
    """

    def __init__(
        self,
        connection: "MessageConnection",
        queue: str,
        *,
        is_checked: bool,
        done: Callable[[], None],
        came_between: Callable[[], None],
        failed: Callable[[BrokerError], None],
    ) -> None:
        self._connection = connection
        self._queue = queue
        self._is_checked = is_checked
        self._done = done
        self._came_between = came_between
        self._failed = failed
        self._refusals = 0
        self.is_asked_for = False
        self.is_done = False

    def ask(self) -> None:
        """Delete it, on a channel of its own: RabbitMQ closes that if it refuses."""
        self.is_asked_for = True
        self._connection.channel(on_open_callback=self._ask_on)

    def _ask_on(self, channel: "Channel") -> None:
        channel.add_on_close_callback(self._refused)
        channel.queue_delete(
            self._queue,
            if_unused=self._is_checked,
            if_empty=self._is_checked,
            callback=lambda _: self._deleted(),
        )

    def _deleted(self) -> None:
        self.is_done = True
        self._done()

    def _refused(self, _channel: "Channel", reason: Exception) -> None:
        if self.is_done or not self._connection.is_open:
            return
        self.is_asked_for = False
        self._refusals += 1
        if getattr(reason, "reply_code", None) == _PRECONDITION_FAILED and self._refusals < _MOST_REFUSALS:
            self._came_between()
            return
        said = getattr(reason, "reply_text", reason)
        self._failed(
            BrokerError(
                f"{shown(self._queue)} cannot be deleted ({said}): find out who publishes to it by its name, and"
                " apply again. Nothing was lost"
            )
        )
