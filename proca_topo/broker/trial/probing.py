"""Publishing probes and seeing where they arrive, all at the same time. Imported only together with pika."""

import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import count, cycle
from typing import Any, Final

from pika import BasicProperties
from pika.channel import Channel
from pika.exceptions import ChannelClosedByBroker
from pika.spec import Basic

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.amqp.confirms import Confirms
from proca_topo.broker.amqp.counting import is_certain, is_far_away
from proca_topo.broker.amqp.errors import closed_by_broker
from proca_topo.broker.amqp.lines import Lines
from proca_topo.broker.trial.probes import Arrival, Round
from proca_topo.errors import BrokerError
from proca_topo.topology.names import shown

# Each channel waits for one answer at a time, so that several of them take a fraction of the time.
_CHANNELS: Final = 8
_STREAM_PREFETCH: Final = 1_000
_PUBLISHED_AT_ONCE: Final = 1_000
_ASKED_AT_ONCE: Final = 1_000
# Nothing has to be waited for so long, unless RabbitMQ has stopped to answer.
_PATIENCE_SECONDS: Final = 60.0
_PAUSE_SECONDS: Final = 0.05
# With nothing left that waits: what one queue has given away is in the next one long before.
_CALM_SECONDS: Final = 0.5
# With something that waits and does not move, though all delays are 200 ms.
_STUCK_SECONDS: Final = 5.0
# What passes between two looks counts for so much at most: where RabbitMQ has stood still nothing could move.
_LOOK_SECONDS: Final = 0.25
_DEATHS: Final = "x-death"
_FIRST_DEATH: Final = "x-first-death-queue"

_Done = Callable[[Any], None]
_Request = Callable[[_Done], object]


@contextmanager
def probing(address: BrokerAddress, vhost: str) -> Iterator["Probing"]:
    """Connections to a vhost for any number of rounds, closed in the end. Raises BrokerError."""
    with Lines(address, vhost) as lines:
        yield Probing(lines, vhost)


class Probing:
    """Rounds in one vhost, one after the other.

    Consumers stay from one round to the next, because to make and to end thousands of them takes seconds.
    """

    def __init__(self, lines: Lines, vhost: str) -> None:
        self._vhost = vhost
        self._lines = lines
        self._confirms = Confirms()
        self._not_taken = False
        self._closed: BrokerError | None = None
        self._consumers: dict[str, tuple[Channel, str]] = {}
        self._round = Round(probes={}, consumed=())
        self._arrivals: set[Arrival] = set()
        self._rejected = 0
        # Markers are published to single queues, behind the probes: what comes before one has been seen with it.
        self._markers = count()
        self._marker = ""
        self._unmarked: set[str] = set()
        self._publisher = lines.open("proca-topo test, publishing")
        first = lines.open("proca-topo test, consuming")
        self._channels = [first, *(lines.channel(first.connection) for _ in range(_CHANNELS - 1))]
        self._of_streams = lines.channel(first.connection)
        for channel in (self._publisher, self._of_streams, *self._channels):
            channel.add_on_close_callback(self._channel_closed)
        self._ask_all(
            [
                lambda done: self._publisher.confirm_delivery(self._answered, callback=done),
                # A stream gives only so much as its consumer has room for.
                lambda done: self._of_streams.basic_qos(prefetch_count=_STREAM_PREFETCH, callback=done),
            ]
        )

    def run(self, order: Round, progress: Callable[[int], None]) -> frozenset[Arrival]:
        """All arrivals of one round. Raises BrokerError if the broker does not do its part."""
        self._round, self._arrivals, self._rejected = order, set(), 0
        self._consume_only(order.consumed)
        self._publish(progress)
        self._see_through(order.consumed)
        if order.rejects or order.left_alone:
            stuck = self._wait_until_calm()
            self._consume(stuck)
            self._see_through(stuck)
        return frozenset(self._arrivals)

    def _publish(self, progress: Callable[[int], None]) -> None:
        probes = list(self._round.probes.items())
        for start in range(0, len(probes), _PUBLISHED_AT_ONCE):
            for identity, probe in probes[start : start + _PUBLISHED_AT_ONCE]:
                self._confirms.published += 1
                self._publisher.basic_publish(
                    probe.exchange,
                    probe.message.routing_key,
                    json.dumps({"proca-topo-probe": identity}).encode(),
                    BasicProperties(
                        message_id=identity,
                        content_type="application/json",
                        headers=dict(probe.message.headers) or None,
                    ),
                    mandatory=True,
                )
            self._wait(lambda: self._confirms.is_complete, "confirm what was published")
            if self._not_taken:
                raise BrokerError("RabbitMQ rejected a probe that was published: see its log")
            progress(min(_PUBLISHED_AT_ONCE, len(probes) - start))

    def _answered(self, frame: Any) -> None:  # noqa: ANN401 - pika has no types
        method = frame.method
        if isinstance(method, Basic.Nack):
            self._not_taken = True
        self._confirms.take(method.delivery_tag, multiple=method.multiple)
        if self._confirms.is_complete:
            self._lines.wake()

    def _consume_only(self, queues: Collection[str]) -> None:
        wanted = frozenset(queues)
        ended = [self._consumers.pop(queue) for queue in self._consumers.keys() - wanted]
        self._ask_all([partial(channel.basic_cancel, tag) for channel, tag in ended])
        self._consume([queue for queue in queues if queue not in self._consumers])

    def _consume(self, queues: Collection[str]) -> None:
        channels = cycle(self._channels)
        self._ask_all([partial(self._begin_to_consume, queue, next(channels)) for queue in queues])

    def _begin_to_consume(self, queue: str, channel: Channel, done: _Done) -> None:
        is_stream = queue in self._round.streams
        channel = self._of_streams if is_stream else channel
        tag = channel.basic_consume(
            queue,
            partial(self._delivered, queue),
            arguments={"x-stream-offset": "first"} if is_stream else None,
            callback=done,
        )
        self._consumers[queue] = (channel, tag)

    def _delivered(
        self, queue: str, channel: Channel, method: Basic.Deliver, properties: BasicProperties, _body: bytes
    ) -> None:
        identity = properties.message_id
        headers: Mapping[str, Any] = properties.headers or {}
        if identity == self._marker:
            self._unmarked.discard(queue)
            if not self._unmarked:
                self._lines.wake()
        elif identity in self._round.probes:
            if self._round.rejects and _DEATHS not in headers and queue not in self._round.streams:
                self._rejected += 1
                channel.basic_reject(method.delivery_tag, requeue=False)
                return
            # What has expired here before it was delivered was here at first all the same. A probe may have that
            # header of its own, and then has not died.
            at_once = not (self._round.rejects or self._round.left_alone)
            has_died = at_once and _DEATHS in headers
            self._arrivals.add(Arrival(identity, headers.get(_FIRST_DEATH, queue) if has_died else queue))
        channel.basic_ack(method.delivery_tag)

    def _see_through(self, queues: Collection[str]) -> None:
        """Wait until all that is in these queues has been delivered, and what we answered to it has been heard.

        A marker goes by the channel that consumes, so that the queue hears it behind our answers.
        """
        self._marker = f"marker-{next(self._markers)}"
        self._unmarked = set(queues)
        for queue in queues:
            channel, _ = self._consumers[queue]
            channel.basic_publish(
                "", queue, b"{}", BasicProperties(message_id=self._marker, content_type="application/json")
            )
        self._wait(lambda: not self._unmarked, "deliver what was published")

    def _wait_until_calm(self) -> list[str]:
        """Wait until nothing moves. The queues in which something stays."""
        seen: object = None
        looked_at = time.monotonic()
        calm_seconds = 0.0
        while True:
            self._see_through(self._round.consumed)
            waiting = self._counts(self._round.left_alone)
            now = (len(self._arrivals), self._rejected, waiting)
            passed, looked_at = time.monotonic() - looked_at, time.monotonic()
            calm_seconds = calm_seconds + min(passed, _LOOK_SECONDS) if now == seen else 0.0
            seen = now
            stuck = [queue for queue, messages in waiting.items() if messages]
            if calm_seconds >= (_STUCK_SECONDS if stuck else _CALM_SECONDS):
                return stuck
            self._lines.serve_until(lambda: self._failure() is not None, _PAUSE_SECONDS)

    def _counts(self, queues: Collection[str]) -> dict[str, int]:
        """How many messages are in each of these, as the queue itself says."""
        counts: dict[str, int] = {}
        deadline = time.monotonic() + _PATIENCE_SECONDS
        self._count(queues, counts)
        while late := [queue for queue in queues if queue not in counts]:
            if is_far_away(self._round_trip):
                return {**counts, **dict.fromkeys(late, 0)}  # every answer takes so long: none tells that
            if time.monotonic() > deadline:
                raise BrokerError(
                    f"queue {shown(late[0])} in the vhost {shown(self._vhost)} did not say for"
                    f" {_PATIENCE_SECONDS:.0f} s how many messages it has: see RabbitMQ's log"
                )
            # One at a time on each channel, so that none waits for the answer to another.
            for start in range(0, len(late), _CHANNELS):
                self._count(late[start : start + _CHANNELS], counts)
        return counts

    def _count(self, queues: Collection[str], counts: dict[str, int]) -> None:
        """Add what each of these queues has, where the answer is its own."""

        def ask(channel: Channel, queue: str, done: _Done) -> None:
            asked_at = time.monotonic()

            def counted(frame: Any) -> None:  # noqa: ANN401 - pika has no types
                if is_certain(frame.method, time.monotonic() - asked_at):
                    counts[queue] = frame.method.message_count
                done(frame)

            channel.queue_declare(queue, passive=True, callback=counted)

        channels = cycle(self._channels)
        self._ask_all([partial(ask, next(channels), queue) for queue in queues])

    def _round_trip(self) -> float:
        """Seconds that RabbitMQ takes to answer what asks no queue."""
        asked_at = time.monotonic()
        self._ask([lambda done: self._of_streams.basic_qos(prefetch_count=_STREAM_PREFETCH, callback=done)])
        return time.monotonic() - asked_at

    def _ask_all(self, requests: Sequence[_Request]) -> None:
        """Ask for all of it, side by side as far as it is on different channels, and wait for the answers."""
        for start in range(0, len(requests), _ASKED_AT_ONCE):
            self._ask(requests[start : start + _ASKED_AT_ONCE])

    def _ask(self, requests: Sequence[_Request]) -> None:
        left = len(requests)

        def done(_: object) -> None:
            nonlocal left
            left -= 1
            if not left:
                self._lines.wake()

        for request in requests:
            request(done)
        self._wait(lambda: not left, "answer")

    def _wait(self, condition: Callable[[], bool], doing: str) -> None:
        self._lines.serve_until(lambda: condition() or self._failure() is not None, _PATIENCE_SECONDS)
        if (failure := self._failure()) is not None:
            raise failure
        if not condition():
            raise BrokerError(
                f"RabbitMQ did not {doing} in the vhost {shown(self._vhost)} for {_PATIENCE_SECONDS:.0f} s:"
                " see its log and its alarms"
            )

    def _failure(self) -> BrokerError | None:
        return self._lines.failure or self._closed

    def _channel_closed(self, _: Channel, reason: Exception) -> None:
        if isinstance(reason, ChannelClosedByBroker):
            self._closed = self._closed or closed_by_broker(reason, "a probe")
            self._lines.wake()
