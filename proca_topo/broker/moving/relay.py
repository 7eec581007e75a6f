"""From one channel to another: what a queue delivers is published, and acknowledged once that is confirmed.

Imported only together with pika.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, assert_never

from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import Basic

from proca_topo.broker.amqp.confirms import Confirms
from proca_topo.broker.moving import refusals
from proca_topo.broker.moving.frames import frame_needed
from proca_topo.broker.moving.incoming import Delivery, Incoming
from proca_topo.broker.moving.move import Leaving, Move
from proca_topo.broker.moving.property_bytes import Field, has, parked, unparked, user_of, without_headers
from proca_topo.broker.moving.raw_properties import RawProperties
from proca_topo.errors import BrokerError

# With a quarter of it, moving from a quorum queue took more than twice as long.
_PREFETCH: Final = 1_000
# A quarter of the prefetch: the broker always has room to send more before the acknowledgements come.
_ACKNOWLEDGE_EVERY: Final = 250
# A quorum queue has no exclusive consumers, though it grants them (3.10, 4.0). But while this one has room,
# nothing is delivered to another.
_HIGHEST_PRIORITY: Final = 2**31 - 1
# A quorum queue puts these into what it delivers again. They are not part of the message.
_OF_QUORUM_QUEUES: Final = frozenset({b"x-delivery-count", b"x-acquired-count"})


class Relay:
    """The messages on their way. `publish` sends one by the channel `target`: its routing key, its properties and
    its body. `wake` is called when something has happened that may end the move.

    Deliveries are published in their order, so that a publish's number in RabbitMQ's confirms tells which delivery
    it was. At most `prefetch` deliveries are unacknowledged: who withholds acknowledgements knows how many more
    will come.
    """

    def __init__(
        self,
        order: Move,
        user: str | None,
        *,
        source: Channel,
        target: Channel,
        publish: Callable[[str | bytes, bytes, bytes], None],
        wake: Callable[[], None],
    ) -> None:
        self.failure: BrokerError | None = None
        self.is_consuming = False
        self.is_being_deleted = False
        self.acknowledged = 0
        self.prefetch = _PREFETCH if order.at_most is None else min(_PREFETCH, order.at_most)
        self._order = order
        self._user = user
        self._source = source
        self._target = target
        self._frame_max: int = target.connection.params.frame_max
        self._send = publish
        self._wake = wake
        self._incoming = Incoming(source, self._relay)
        self._confirms = Confirms()
        self._most_acknowledged = None if order.at_most is None else order.at_most - self.prefetch
        self._acknowledged_apart = 0
        self._tags_before = 0
        self._consumer = ""
        # Messages that wait for one to be confirmed that RabbitMQ may refuse, since it says it is from this user.
        self._held: deque[tuple[str | bytes, bytes, bytes]] = deque()
        self._suspect: str | None = None
        self._impersonates = False
        self._is_refused = False
        self._not_taken = 0
        self._is_in_doubt = False
        source.add_on_close_callback(self._source_closed)
        source.add_on_cancel_callback(self._cancelled)
        target.add_on_close_callback(self._target_closed)
        target.add_on_return_callback(self._returned)

    @property
    def moved(self) -> int:
        """How many messages are in the target and no longer in the source."""
        return self.acknowledged + self._acknowledged_apart

    @property
    def delivered(self) -> int:
        """How many messages the source has given to be moved."""
        return self._confirms.published + len(self._held)

    @property
    def answered(self) -> int:
        """How many of them RabbitMQ has taken or rejected."""
        return self._confirms.answered

    @property
    def is_settled(self) -> bool:
        """Whether every delivery is published and answered."""
        return self._confirms.is_complete and not self._held

    @property
    def is_cut_off(self) -> bool:
        """Whether no answer is to be waited for any more."""
        return self._is_in_doubt or not self._source.is_open or not self._target.is_open

    @property
    def has_all(self) -> bool:
        """Whether the source can give nothing more until something is acknowledged."""
        given = self.delivered + self._not_taken
        return given >= self.acknowledged + self.prefetch or not self.is_consuming

    def confirm(self, answered: Callable[[Any], None]) -> None:
        """Have RabbitMQ confirm what is published."""
        self._target.confirm_delivery(self._answered, callback=answered)

    def consume(self, answered: Callable[[Any], None]) -> None:
        """Begin, or begin again once everything is acknowledged."""
        self.is_consuming = True
        self._consumer = self._source.basic_consume(
            self._order.source,
            self._delivered,
            exclusive=self._order.exclusive,
            arguments={"x-priority": _HIGHEST_PRIORITY} if self._order.source_is_quorum else None,
            callback=answered,
        )
        self._incoming.deliver_to(self._consumer)

    def cancel(self, answered: Callable[[Any], None]) -> None:
        """Have the source give nothing more. pika gives back what comes before RabbitMQ has read this."""
        self.is_consuming = False
        self._incoming.stop()
        self._source.basic_cancel(self._consumer, callback=answered)

    def withhold(self) -> None:
        """Acknowledge nothing more until the consumer is cancelled."""
        self._most_acknowledged = self.acknowledged

    def acknowledge(self) -> None:
        """Take from the source what is in the target, as far as nothing is withheld."""
        through = self._confirms.taken_through
        if self.is_consuming and self._most_acknowledged is not None:
            through = min(through, self._most_acknowledged)
        if through > self.acknowledged and self._source.is_open:
            self._source.basic_ack(self._tags_before + through, multiple=True)
            self.acknowledged = through

    def acknowledge_apart(self) -> None:
        """The same for what was taken though something before it was not. To be called once, at the end."""
        if self._source.is_open:
            for number in self._confirms.taken_apart:
                self._source.basic_ack(self._tags_before + number)
                self._acknowledged_apart += 1

    def _delivered(self, _: Channel, method: Basic.Deliver, properties: RawProperties, body: bytes) -> None:
        """What came in pieces."""
        given = Delivery(method.delivery_tag, method.redelivered, method.routing_key, properties.encoded, body)
        self._relay(given)

    def _relay(self, given: Delivery) -> None:
        if self._is_refused or not self._target.is_open:
            self._not_taken += 1  # it goes back to the source with the channel
            return
        # Other than 0 where deliveries were given back between two consumers: they have tags too.
        self._tags_before = given.tag - self.delivered - 1
        encoded = self._as_it_leaves(given.properties, redelivered=given.redelivered)
        if (needed := frame_needed(encoded)) > self._frame_max:
            # RabbitMQ would close the connection, and nobody would know what of all that is on its way was taken.
            self._not_taken += 1
            self._refuse(refusals.too_large(self._order, needed, self._frame_max))
            return
        if self._held or self._suspect is not None or self._may_be_refused(encoded):
            self._held.append((given.routing_key, encoded, given.body))
            self._publish_held()
        else:
            self._publish(given.routing_key, encoded, given.body)

    def _as_it_leaves(self, encoded: bytes, *, redelivered: bool) -> bytes:
        if redelivered and self._order.source_is_quorum:
            encoded = without_headers(encoded, _OF_QUORUM_QUEUES)
        match self._order.leaving:
            case Leaving.PARK:
                return parked(encoded)
            case Leaving.UNPARK:
                return unparked(encoded)
            case _:
                assert_never(self._order.leaving)

    def _may_be_refused(self, properties: bytes) -> bool:
        if self._impersonates or not has(properties, Field.USER_ID):
            return False
        return user_of(properties) != self._user

    def _publish_held(self) -> None:
        """RabbitMQ closes the channel for a message from a user that we may not be. So the first such one goes
        alone: of everything on its way with it nobody would know whether it was taken.
        """
        while self._held and self._suspect is None:
            if self._may_be_refused(self._held[0][1]):
                if not self._confirms.is_complete:
                    return
                self._suspect = user_of(self._held[0][1])
            self._publish(*self._held.popleft())

    def _publish(self, routing_key: str | bytes, properties: bytes, body: bytes) -> None:
        self._confirms.published += 1
        self._send(routing_key, properties, body)

    def _answered(self, frame: Any) -> None:  # noqa: ANN401 - pika has no types
        if self._is_in_doubt:
            return
        method = frame.method
        if isinstance(method, Basic.Nack):
            self._confirms.reject(method.delivery_tag, multiple=method.multiple)
            self._refuse(refusals.full(self._order))
        else:
            self._confirms.take(method.delivery_tag, multiple=method.multiple)
        if self._confirms.is_complete:
            self.acknowledge()
            if self._suspect is not None:
                self._suspect, self._impersonates = None, True
            self._publish_held()
            self._wake()
        elif self._confirms.taken_through - self.acknowledged >= _ACKNOWLEDGE_EVERY:
            self.acknowledge()

    def _returned(self, *_: object) -> None:
        """RabbitMQ confirms what it returns, without saying which one that was. So no later confirm counts."""
        self._is_in_doubt = True
        self._refuse(refusals.unroutable(self._order))

    def _refuse(self, error: BrokerError | None) -> None:
        """Nothing more is published. Without an error that is why, there is one of the connection."""
        self._is_refused = True
        self._not_taken += len(self._held)
        self._held.clear()
        self._fail(error)

    def _fail(self, error: BrokerError | None) -> None:
        self.failure = self.failure or error
        self._wake()

    def _cancelled(self, _: object) -> None:
        """RabbitMQ ended the consumer: we are deleting the queue, or something else has."""
        self.is_consuming = False
        if not self.is_being_deleted:
            self._fail(refusals.gone(self._order))

    def _source_closed(self, _: Channel, reason: Exception) -> None:
        self.is_consuming = False
        if isinstance(reason, ChannelClosedByBroker):
            self._fail(refusals.source_refused(self._order, reason))

    def _target_closed(self, _: Channel, reason: Exception) -> None:
        by_broker = isinstance(reason, ChannelClosedByBroker)
        self._refuse(refusals.target_refused(self._order, reason, suspect=self._suspect) if by_broker else None)
