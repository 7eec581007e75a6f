"""Looking at all messages of a queue."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.errors import BrokerError
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM

if TYPE_CHECKING:
    from pika import BlockingConnection
    from pika.adapters.blocking_connection import BlockingChannel

_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """What is in a queue: the bytes of each body and of its properties, in the order of the queue, the users that
    its messages say they are from, and how many are `unpublishable`, since their headers fit into no frame.
    """

    sizes: tuple[tuple[int, int], ...]
    users: frozenset[str]
    unpublishable: int

    def sizes_in(self, queue_type: str | None) -> list[int]:
        """The bytes that each message has to a queue of this type with x-max-length-bytes.

        Those of its body, to a quorum queue of RabbitMQ 4.3 those of its properties too (not on 3.10 and 4.0): to
        be safe, to every quorum queue.
        """
        return [body + properties if queue_type == QUORUM else body for body, properties in self.sizes]


def inspect(address: BrokerAddress, vhost: str, queue: str) -> Inspected:
    """Look at every message in a queue and put it back, in its order.

    Raises InUseError if another has the queue for itself, and other BrokerErrors, so if the queue does not answer:
    that is never taken for nothing in it.
    """
    from pika.exceptions import ChannelClosedByBroker
    from pika.spec import FRAME_MAX_SIZE

    from proca_topo.broker.amqp.client import connected
    from proca_topo.broker.moving.frames import frame_needed
    from proca_topo.broker.moving.property_bytes import parked, user_of
    from proca_topo.broker.moving.raw_properties import raw_properties
    from proca_topo.broker.moving.refusals import consuming_refused

    with raw_properties(), connected(address, vhost) as connection:
        try:
            channel = connection.channel()
            count = _waiting(channel, queue)
            sizes: list[tuple[int, int]] = []
            users = set()
            unpublishable = 0
            while len(sizes) < count:
                for method, properties, body in channel.consume(queue, inactivity_timeout=_SECONDS):
                    if method is None:
                        if _waiting(channel, queue):
                            raise untold(queue)
                        if channel.get_waiting_message_count():
                            continue
                        count = len(sizes)  # somebody else has taken the rest
                        break
                    sizes.append((len(body), len(properties.encoded)))
                    if (user := user_of(properties.encoded)) is not None:
                        users.add(user)
                    unpublishable += frame_needed(parked(properties.encoded)) > FRAME_MAX_SIZE
                    if len(sizes) >= count:
                        break
            channel.close()
            _wait_until_ready(connection, queue, len(sizes))
        except ChannelClosedByBroker as error:
            raise consuming_refused(queue, error, f"to look at the messages in {shown(queue)}") from error
    return Inspected(sizes=tuple(sizes), users=frozenset(users), unpublishable=unpublishable)


def untold(queue: str) -> BrokerError:
    """RabbitMQ has not said what is in a queue, or has not given it."""
    return BrokerError(f"RabbitMQ does not tell what is in {shown(queue)} at this moment: apply again")


def _waiting(channel: "BlockingChannel", queue: str) -> int:
    """How many messages wait in a queue."""
    from proca_topo.broker.amqp.counting import count

    counts = count(channel, queue)
    if counts is None:
        raise untold(queue)
    return int(counts.message_count)


def _wait_until_ready(connection: "BlockingConnection", queue: str, count: int) -> None:
    """Until RabbitMQ has put back what it had delivered."""
    channel = connection.channel()
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline and channel.queue_declare(queue, passive=True).method.message_count < count:
        connection.sleep(0.01)
