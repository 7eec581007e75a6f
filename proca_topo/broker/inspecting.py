"""Looking at all messages of a classic queue without taking one."""

from dataclasses import dataclass
from typing import Any, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.message_properties import user_id
from proca_topo.broker.message_session import MessageSession

_NO_LIMIT: Final = 0
# Somebody else has taken the rest.
_IDLE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What is in a queue: the bytes of all bodies, and the users that its messages say they are from."""

    bytes: int
    users: frozenset[str]


def inspect(address: BrokerAddress, vhost: str, queue: str) -> Inspected:
    """Look at every message in a classic queue and put it back, in its order.

    Not for a quorum queue, which counts each time that a message comes back to it, and drops it at its limit.
    Raises InUseError if another has the queue for itself, and other BrokerErrors.
    """
    inspecting = _Inspecting(address, vhost, queue)
    inspecting.run()
    return Inspected(bytes=inspecting.bytes, users=frozenset(inspecting.users))


class _Inspecting(MessageSession):
    """Counts what is there, has as much delivered, and gives it back."""

    def __init__(self, address: BrokerAddress, vhost: str, queue: str) -> None:
        super().__init__(address, vhost, queue, exchange="", copy_properties=self._see)
        self.users: set[str] = set()
        self.bytes = 0
        self._wanted = 0
        self._is_done = False

    def opened(self) -> None:
        self._channel.queue_declare(self._queue, passive=True, callback=self._counted)

    def received(self) -> None:
        if self._wanted and self._passage.seen >= self._wanted:
            self._give_back()

    def _see(self, properties: bytes) -> None:
        """Take note of it. That there is no copy says that nothing is published."""
        user = user_id(properties)
        if user is not None:
            self.users.add(user)

    def _counted(self, frame: Any) -> None:  # noqa: ANN401 - pika has no types
        self._wanted = frame.method.message_count
        if self._wanted:
            self.consume(prefetch=_NO_LIMIT, exclusive=False, then=self._wait)
        else:
            self.close()

    def _wait(self) -> None:
        seen = self._passage.seen

        def look() -> None:
            if self._passage.seen == seen:
                self._give_back()
            else:
                self._wait()

        self._connection.ioloop.call_later(_IDLE_SECONDS, look)

    def _give_back(self) -> None:
        if self._is_done or self._closing:
            return
        self._is_done = True
        self.bytes = self._passage.seen_bytes
        # Without the consumer, to which all of it would be delivered again.
        self.detach(self._requeue)

    def _requeue(self) -> None:
        self._channel.basic_nack(0, multiple=True, requeue=True)
        # The queue answers once it has everything back.
        self._channel.queue_declare(self._queue, passive=True, callback=lambda _: self.close())
