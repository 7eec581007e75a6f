"""Moving all messages of one queue to another. None is lost, whatever dies: at worst one is there twice."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.errors import BrokerError, InUseError, UnroutableError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from pika import BasicProperties, BlockingConnection, SelectConnection
    from pika.channel import Channel
    from pika.frame import Method
    from pika.spec import Basic

_PREFETCH: Final = 1_000
# A tenth of the prefetch: the broker always has room to send more before the acknowledgements come.
_ACKNOWLEDGE_EVERY: Final = 100
_PROGRESS_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 10.0
_MOST_DELETIONS: Final = 20
_ACCESS_REFUSED: Final = 403
_NOT_FOUND: Final = 404
_PRECONDITION_FAILED: Final = 406

_EXPIRATION: Final = "x-proca-topo-expiration"
# A quorum queue puts these into what it delivers again. They are not part of the message.
_OF_QUORUM_QUEUES: Final = ("x-delivery-count", "x-acquired-count")


class Leaving(StrEnum):
    """What becomes of a message's expiration, which runs anew in each queue: a parked message must not expire."""

    PARK = "park"
    UNPARK = "unpark"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What to move: the queue `source`, through the `exchange`, a private fanout that leads to the target alone.

    `exclusive` keeps other consumers out; RabbitMQ refuses that for a queue with x-single-active-consumer. Once
    the source is empty it is deleted if `delete_source` says so. `at_most` is how many messages are moved.
    """

    source: str
    exchange: str
    leaving: Leaving
    source_is_quorum: bool
    exclusive: bool = True
    delete_source: bool = False
    at_most: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """How many messages were moved, and whether the source was deleted."""

    messages: int
    deleted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What is in a queue: the bytes of all bodies, and the users that its messages say they are from."""

    bytes: int
    users: frozenset[str]


def move(
    address: BrokerAddress,
    vhost: str,
    order: Move,
    *,
    progress: Callable[[int], None],
    idle: Callable[[], None] | None = None,
) -> Moved:
    """Move messages, in their order, each acknowledged only once its copy is confirmed.

    `progress` is told how many more were moved. `idle` is called when the source is empty, before it is deleted;
    what one of the two raises ends the move in good order and is raised here. Raises InUseError if another
    consumes from the source, and other BrokerErrors; what was not moved is then in the source.
    """
    moving = _Moving(address, vhost, order, progress, idle)
    moving.run()
    return Moved(messages=moving.moved, deleted=moving.deleted)


class _Moving:
    """One connection that consumes from the source and publishes to the target.

    Every delivery is published, in order, on the channel that it came by: so the number of a publish in RabbitMQ's
    confirms is the delivery's tag.
    """

    def __init__(
        self,
        address: BrokerAddress,
        vhost: str,
        order: Move,
        progress: Callable[[int], None],
        idle: Callable[[], None] | None,
    ) -> None:
        self.moved = 0
        self.deleted = False
        self._address = address
        self._vhost = vhost
        self._order = order
        self._progress = progress
        self._idle = idle
        self._error: BaseException | None = None
        self._published = 0
        self._confirmed = 0
        self._acknowledged = 0
        self._out_of_order: set[int] = set()
        self._consumer = ""
        self._ending = False
        self._closing = False
        self._asked_at = -1
        self._asking = False
        self._idled = False
        self._deletions = 0
        self._told = 0
        self._told_at = 0.0
        self._connection: SelectConnection
        self._channel: Channel

    def run(self) -> None:
        """Do it all. Raises what ended it."""
        from pika import SelectConnection

        from proca_topo.broker.amqp import parameters

        logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
        self._connection = SelectConnection(
            parameters(
                self._address, self._vhost, {"product": "proca-topo", "connection_name": "proca-topo move"}
            ),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._opened),
            on_open_error_callback=lambda _, error: self._lost(error, connected=False),
            on_close_callback=lambda _, reason: self._lost(reason, connected=True),
        )
        self._connection.ioloop.start()
        if self._error is not None:
            raise self._error
        self._tell(at_last=True)

    def _opened(self, channel: "Channel") -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._returned)
        channel.add_on_cancel_callback(self._cancelled)
        channel.confirm_delivery(self._answered)
        channel.basic_qos(prefetch_count=_PREFETCH, callback=lambda _: self._consume())

    def _consume(self) -> None:
        self._consumer = self._channel.basic_consume(
            self._order.source,
            self._delivered,
            exclusive=self._order.exclusive,
            callback=lambda _: self._look(),
        )

    def _delivered(
        self, channel: "Channel", method: "Basic.Deliver", properties: "BasicProperties", body: bytes
    ) -> None:
        if self._ending:
            return  # it goes back to the source with the channel
        self._published += 1
        channel.basic_publish(
            self._order.exchange, method.routing_key, body, self._as_it_leaves(properties), mandatory=True
        )
        if self._published == self._order.at_most:
            self._ending = True
            channel.basic_cancel(self._consumer)

    def _as_it_leaves(self, properties: "BasicProperties") -> "BasicProperties":
        headers: dict[str, Any] | None = properties.headers
        if self._order.source_is_quorum and headers:
            for name in _OF_QUORUM_QUEUES:
                headers.pop(name, None)
        if self._order.leaving is Leaving.PARK and properties.expiration is not None:
            headers = {**(headers or {}), _EXPIRATION: properties.expiration}
            properties.expiration = None
        elif self._order.leaving is Leaving.UNPARK and headers and _EXPIRATION in headers:
            properties.expiration = str(headers.pop(_EXPIRATION))
        properties.headers = headers or None
        return properties

    def _answered(self, frame: "Method[Any]") -> None:
        from pika.spec import Basic

        method = frame.method
        if isinstance(method, Basic.Nack):
            self._fail(
                BrokerError(
                    f"the queue that takes the messages of {shown(self._order.source)} rejects them: it is full."
                    " What could not be moved is where it was; let the queue drain or raise its limit, and apply"
                    " again"
                )
            )
            return
        if self._error is not None and not self._ending:
            return
        if method.multiple:
            self._confirmed = max(self._confirmed, method.delivery_tag)
            self._out_of_order = {tag for tag in self._out_of_order if tag > self._confirmed}
        else:
            self._out_of_order.add(method.delivery_tag)
        while self._confirmed + 1 in self._out_of_order:
            self._confirmed += 1
            self._out_of_order.remove(self._confirmed)
        done = self._confirmed == self._published
        if self._confirmed - self._acknowledged >= _ACKNOWLEDGE_EVERY or done:
            self._acknowledge()
        if done:
            self._look()

    def _acknowledge(self) -> None:
        if self._confirmed > self._acknowledged and self._channel.is_open:
            self._channel.basic_ack(self._confirmed, multiple=True)
            self._acknowledged = self.moved = self._confirmed
            self._tell()

    def _tell(self, *, at_last: bool = False) -> None:
        now = time.monotonic()
        if self.moved == self._told or not (at_last or now - self._told_at >= _PROGRESS_SECONDS):
            return
        more, self._told, self._told_at = self.moved - self._told, self.moved, now
        if at_last:
            self._progress(more)
        else:
            self._guarded(lambda: self._progress(more))

    def _guarded(self, call: Callable[[], None]) -> bool:
        """Call what may raise anything; then the move ends in good order. Whether it did not raise."""
        try:
            call()
        except Exception as error:  # noqa: BLE001 - it is raised to the caller once all is acknowledged
            self._error = error
            self._ending = True
            self._connection.ioloop.call_later(_STOP_SECONDS, self._close)
            self._look()
            return False
        return True

    def _look(self) -> None:
        """Whether it is time to end, or to look whether the source is empty."""
        if self._published != self._confirmed or self._closing:
            return
        if self._ending:
            self._close()
        elif not self._asking:
            self._asking, self._asked_at = True, self._published
            self._channel.queue_declare(
                self._order.source, passive=True, callback=partial(self._counted, again=True)
            )

    def _counted(self, frame: "Method[Any]", *, again: bool) -> None:
        """The source says how many messages are ready. Those that are on their way to us are not among them.

        They come before the answer to the second question.
        """
        self._asking = False
        if self._published != self._asked_at:
            self._look()
        elif frame.method.message_count:
            self._connection.ioloop.call_later(0.01, self._look)
        elif again:
            self._asking = True
            self._channel.queue_declare(
                self._order.source, passive=True, callback=partial(self._counted, again=False)
            )
        else:
            self._empty()

    def _empty(self) -> None:
        if self._idle is not None and not (self._idled and self._order.source_is_quorum):
            self._idled = True
            if not self._guarded(self._idle):
                return
            if self._order.source_is_quorum:
                self._look()  # the call took a while
                return
        if not self._order.delete_source:
            self._close()
        elif self._order.source_is_quorum:
            # These queues cannot check anything themselves. So the consumer stays: what is still published to the
            # queue's name is delivered to it before the queue goes.
            self._delete()
        else:
            self._channel.basic_cancel(self._consumer, callback=lambda _: self._delete_when_settled())

    def _delete_when_settled(self) -> None:
        if self._published != self._confirmed:
            self._connection.ioloop.call_later(0.005, self._delete_when_settled)
            return
        self._acknowledge()
        self._delete()

    def _delete(self) -> None:
        self._connection.channel(on_open_callback=self._delete_on)

    def _delete_on(self, channel: "Channel") -> None:
        """On a channel of its own, which RabbitMQ closes if it refuses."""
        checked = not self._order.source_is_quorum
        channel.add_on_close_callback(self._not_deleted)
        channel.queue_delete(
            self._order.source, if_unused=checked, if_empty=checked, callback=lambda _: self._gone()
        )

    def _not_deleted(self, _channel: "Channel", reason: Exception) -> None:
        if self._closing or self.deleted:
            return
        code = getattr(reason, "reply_code", None)
        self._deletions += 1
        if code == _PRECONDITION_FAILED and self._deletions < _MOST_DELETIONS:
            self._consume()  # something came between
            return
        self._fail(
            BrokerError(
                f"{shown(self._order.source)} cannot be deleted ({getattr(reason, 'reply_text', reason)}): find"
                " out who publishes to it by its name, and apply again. Nothing was lost"
            )
        )

    def _gone(self) -> None:
        self.deleted = True
        # What was delivered before is in front of this answer.
        self._channel.basic_qos(prefetch_count=_PREFETCH, callback=lambda _: self._end())

    def _end(self) -> None:
        self._ending = True
        self._look()

    def _cancelled(self, _frame: "Method[Any]") -> None:
        """RabbitMQ ended the consumer: we have deleted the queue, or something else has."""
        if not (self.deleted or (self._order.source_is_quorum and self._idled)):
            self._fail(BrokerError(f"{shown(self._order.source)} was deleted, or its node went down: apply again"))

    def _returned(self, *_: object) -> None:
        self._fail(
            UnroutableError(
                f"the private exchange {shown(self._order.exchange)} leads nowhere any more: somebody has unbound"
                f" it. What could not be moved is in {shown(self._order.source)}; apply again"
            )
        )

    def _fail(self, error: BrokerError) -> None:
        """End at once. Nothing more is acknowledged: it stays in the source."""
        if self._error is None:
            self._error = error
        self._close()

    def _channel_closed(self, _channel: "Channel", reason: Exception) -> None:
        if self._closing:
            return
        from pika.exceptions import ChannelClosedByBroker

        from proca_topo.broker.amqp_errors import closed_by_broker

        source = shown(self._order.source)
        if not isinstance(reason, ChannelClosedByBroker):
            self._fail(BrokerError(f"the channel that moves the messages of {source} was closed: apply again"))
        elif reason.reply_code == _ACCESS_REFUSED and "exclusive" in reason.reply_text:
            self._fail(InUseError(f"somebody consumes from {source}"))
        elif reason.reply_code == _NOT_FOUND:
            self._fail(BrokerError(f"{source} or the exchange to move its messages through is gone: apply again"))
        else:
            self._fail(closed_by_broker(reason, f"to move the messages of {source}"))

    def _close(self) -> None:
        if self._closing:
            return
        if self._error is None or self._ending:
            self._acknowledge()
        self._closing = True
        if self._connection.is_open:
            self._connection.close()

    def _lost(self, reason: Any, *, connected: bool) -> None:  # noqa: ANN401 - pika tells it in many ways
        if not self._closing and self._error is None:
            from proca_topo.broker.amqp_errors import AMQP_PROBLEMS, amqp_failure

            problem = reason if isinstance(reason, AMQP_PROBLEMS) else ConnectionError(str(reason))
            self._error = amqp_failure(problem, self._address, self._vhost, connected=connected)
        self._connection.ioloop.stop()


def inspect(address: BrokerAddress, vhost: str, queue: str) -> Inspected:
    """Look at every message in a queue and put it back, in its order.

    Raises InUseError if another has the queue for itself, and other BrokerErrors.
    """
    from pika.exceptions import ChannelClosedByBroker

    from proca_topo.broker.amqp import connected
    from proca_topo.broker.amqp_errors import closed_by_broker

    with connected(address, vhost) as connection:
        try:
            channel = connection.channel()
            count: int = channel.queue_declare(queue, passive=True).method.message_count
            size, users, seen = 0, set(), 0
            while seen < count:
                for method, properties, body in channel.consume(queue, inactivity_timeout=_STOP_SECONDS):
                    if method is None:
                        count = seen  # somebody else has taken the rest
                        break
                    seen, size = seen + 1, size + len(body)
                    if properties.user_id is not None:
                        users.add(str(properties.user_id))
                    if seen >= count:
                        break
            channel.close()
            _wait_until_ready(connection, queue, seen)
        except ChannelClosedByBroker as error:
            if error.reply_code == _ACCESS_REFUSED and "exclusive" in error.reply_text:
                raise InUseError(f"somebody consumes from {shown(queue)}") from error
            raise closed_by_broker(error, f"to look at the messages in {shown(queue)}") from error
    return Inspected(bytes=size, users=frozenset(users))


def _wait_until_ready(connection: "BlockingConnection", queue: str, count: int) -> None:
    """Until RabbitMQ has put back what it had delivered."""
    channel = connection.channel()
    deadline = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < deadline and channel.queue_declare(queue, passive=True).method.message_count < count:
        connection.sleep(0.01)
