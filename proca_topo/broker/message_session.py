"""One connection with one channel that messages of one queue come by, from its opening to its end."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.message_passage import CopyProperties, Passage
from proca_topo.errors import BrokerError, InUseError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from pika.channel import Channel

    from proca_topo.broker.message_connection import MessageConnection

END_SECONDS: Final = 10.0
"""How long an end in good order may take: for confirms, and for the broker to say goodbye."""

_ABORT_SECONDS: Final = 1.0
_ACCESS_REFUSED: Final = 403
_NOT_FOUND: Final = 404


class MessageSession:
    """What it does with the messages is for its heirs to say: `opened` begins it, `received` goes on with it.

    Whatever is raised in between ends the loop and the connection, and is raised by `run`.
    """

    def __init__(
        self,
        address: BrokerAddress,
        vhost: str,
        queue: str,
        *,
        exchange: str,
        copy_properties: CopyProperties,
        at_most: int | None = None,
    ) -> None:
        self._address = address
        self._vhost = vhost
        self._queue = queue
        # pika numbers its channels from 1.
        self._passage = Passage(channel=1, exchange=exchange, copy_properties=copy_properties, at_most=at_most)
        self._error: BaseException | None = None
        self._closing = False
        self._consumer = ""
        self._connection: MessageConnection
        self._channel: Channel

    def opened(self) -> None:
        """The channel is open, and nothing is asked for yet."""
        raise NotImplementedError

    def received(self) -> None:
        """Something came, perhaps messages and confirms."""
        raise NotImplementedError

    def cancelled(self) -> None:
        """RabbitMQ ended the consumer: something has deleted the queue, or its node went down."""
        self.fail(BrokerError(f"{shown(self._queue)} was deleted, or its node went down: apply again"))

    def closing(self) -> None:
        """The connection is about to be closed by us."""

    def run(self) -> None:
        """From the opening to the end. Raises what ended it."""
        from proca_topo.broker.amqp import parameters
        from proca_topo.broker.message_connection import MessageConnection

        logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
        self._connection = MessageConnection(
            parameters(
                self._address, self._vhost, {"product": "proca-topo", "connection_name": "proca-topo move"}
            ),
            on_open_callback=lambda connection: connection.channel(1, on_open_callback=self._open),
            on_open_error_callback=lambda _, error: self._lost(error, connected=False),
            on_close_callback=lambda _, reason: self._lost(reason, connected=True),
        )
        self._connection.received = self.received
        loop = self._connection.ioloop
        try:
            loop.start()
        finally:
            if not self._connection.is_closed:  # something was raised in the loop, or a signal came
                self._closing = True
                self._connection.abort()
                loop.call_later(_ABORT_SECONDS, loop.stop)
                loop.start()
            loop.close()
        if self._error is not None:
            raise self._error

    def consume(self, *, prefetch: int, exclusive: bool, then: Callable[[], None]) -> None:
        """Have the messages sent; `prefetch` of 0 has no limit."""

        def begin(_: object) -> None:
            self._consumer = self._channel.basic_consume(
                self._queue, lambda *_: None, exclusive=exclusive, callback=lambda _: then()
            )

        self._channel.basic_qos(prefetch_count=prefetch, callback=begin)

    def detach(self, then: Callable[[], None]) -> None:
        """Have no more messages sent; `then` all that were on their way have come.

        RabbitMQ may answer to a cancel before it hands out what the queue had sent to the channel by then.
        """
        self._channel.basic_cancel(
            self._consumer, callback=lambda _: self._channel.basic_qos(callback=lambda _: then())
        )

    def fail(self, error: BaseException) -> None:
        """End now, with this error if it is the first."""
        if self._error is None:
            self._error = error
        self.close()

    def close(self) -> None:
        """End now. What was delivered and not acknowledged goes back, in its order."""
        if self._closing:
            return
        self._closing = True
        self.closing()
        if self._connection.is_open:
            self._connection.close()
            # A broker under an alarm does not read, so it does not answer either.
            self._connection.ioloop.call_later(END_SECONDS, self._connection.abort)

    def _open(self, channel: "Channel") -> None:
        self._channel = channel
        self._connection.passage = self._passage
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_cancel_callback(lambda _: self.cancelled())
        self.opened()

    def _channel_closed(self, _channel: "Channel", reason: Exception) -> None:
        if self._closing or not self._connection.is_open:
            return
        from pika.exceptions import ChannelClosedByBroker

        from proca_topo.broker.amqp_errors import closed_by_broker

        queue = shown(self._queue)
        if not isinstance(reason, ChannelClosedByBroker):
            self.fail(BrokerError(f"the channel that moves the messages of {queue} was closed: apply again"))
        elif reason.reply_code == _ACCESS_REFUSED and "in exclusive use" in reason.reply_text:
            self.fail(InUseError(f"somebody consumes from {queue}"))
        elif reason.reply_code == _NOT_FOUND:
            self.fail(BrokerError(f"{queue} or the exchange to move its messages through is gone: apply again"))
        else:
            self.fail(closed_by_broker(reason, f"to move the messages of {queue}"))

    def _lost(self, reason: Any, *, connected: bool) -> None:  # noqa: ANN401 - pika tells it in many ways
        if not self._closing and self._error is None:
            from proca_topo.broker.amqp_errors import AMQP_PROBLEMS, amqp_failure

            # What we raised ourselves while reading comes back as a lost connection.
            self._error = self._connection.broken_by
            if self._error is None:
                problem = reason if isinstance(reason, AMQP_PROBLEMS) else ConnectionError(str(reason))
                self._error = amqp_failure(problem, self._address, self._vhost, connected=connected)
        self._connection.ioloop.stop()
