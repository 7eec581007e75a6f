"""Moving all messages of one queue to another. None is lost, whatever dies: at worst one is there twice."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from proca_topo.broker.address import BrokerAddress


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


def move(
    address: BrokerAddress,
    vhost: str,
    order: Move,
    *,
    progress: Callable[[int], None],
    idle: Callable[[int], None] | None = None,
    make_room: Callable[[], None] | None = None,
) -> Moved:
    """Move messages, in their order, each acknowledged only once its copy is confirmed.

    `progress` is told how many more were moved. `idle` is called when the source is empty, before it is deleted,
    and told how many messages have come since it was called last; it is called again if any come to a classic one
    meanwhile. `make_room` is called, again and again, as long as others consume before anything was moved. What
    one of the three raises ends the move in good order and is raised here. Raises InUseError if another consumes
    from the source, and other BrokerErrors; what was not moved is then in the source.

    Routing key, properties and body stay as they are, byte for byte, with these exceptions. An empty table of
    headers may be left out. What RabbitMQ knows of a message besides goes: the keys of its BCC header, which no
    client gets to see, and on 4.x the count of its dead-letterings, which begins anew though `x-death` is kept.

    Wherever it ends, what is under way is finished if RabbitMQ lets us: nothing is delivered to be given back.
    What remains: if the target takes no more, or a connection is lost, up to 1,000 messages go back to the source,
    and a quorum queue counts that as a delivery, of which x-delivery-limit allows so many (20 by default on 4.x).
    """
    if order.at_most == 0:
        return Moved(messages=0, deleted=False)
    # pika is loaded for a move only.
    from proca_topo.broker.moving.transfer import Transfer

    return Transfer(address, vhost, order, progress=progress, idle=idle, make_room=make_room).run()
