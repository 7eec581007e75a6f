"""Why a move ends before its end, as one sentence. Imported only together with pika."""

from typing import Final

from pika.exceptions import ChannelClosedByBroker

from proca_topo.broker.amqp.errors import closed_by_broker, is_access_refused, reason_in
from proca_topo.broker.moving.move import Move
from proca_topo.errors import BrokerError, InUseError, UnroutableError
from proca_topo.topology.names import shown

_NOT_FOUND: Final = 404
_LIFELESS: Final = (
    "An empty quorum queue that was declared just when RabbitMQ was killed takes nothing: delete that one, and"
    " apply again"
)


def in_use(source: str) -> InUseError:
    """Somebody else consumes from it."""
    return InUseError(f"somebody consumes from {shown(source)}")


def full(order: Move) -> BrokerError:
    """The target takes no more.

    Up to 4.0 a quorum queue that is declared in the 0.2 s before its node is killed never has a leader, and
    rejects everything (measured on 3.10.8 and 4.0.5), or leaves it without an answer.
    """
    return BrokerError(
        f"the queue that takes the messages of {shown(order.source)} rejects them: it is full. What could not be"
        f" moved is where it was; let the queue drain or raise its limit, and apply again. {_LIFELESS}"
    )


def too_large(order: Move, needed: int, frame_max: int) -> BrokerError:
    """A message's properties fit into no frame: RabbitMQ adds to what it dead-letters, whatever that comes to."""
    return BrokerError(
        f"the headers of the next message of {shown(order.source)} need a frame of {needed} bytes, and RabbitMQ"
        f" takes none of more than {frame_max}, so nobody can publish it again: have a consumer take it from"
        " there, and apply again. The message is where it was"
    )


def unroutable(order: Move) -> UnroutableError:
    """The exchange has no target any more."""
    return UnroutableError(
        f"the private exchange {shown(order.exchange)} leads nowhere any more: somebody has unbound it. What could"
        f" not be moved is in {shown(order.source)}; apply again"
    )


def gone(order: Move) -> BrokerError:
    """RabbitMQ has cancelled the consumer."""
    return BrokerError(f"{shown(order.source)} was deleted, or its node went down: apply again")


def stalled(order: Move, seconds: float) -> BrokerError:
    """Nothing comes."""
    return BrokerError(
        f"RabbitMQ has for {seconds:.0f} s neither delivered a message of {shown(order.source)} nor confirmed one:"
        f" see its log. What could not be moved is where it was; apply again. {_LIFELESS}"
    )


def endless(order: Move) -> BrokerError:
    """More and more comes."""
    name = shown(order.source)
    return BrokerError(
        f"messages keep coming to {name} faster than it can be emptied: find out who publishes to it by its name,"
        " end that, and apply again. Nothing was lost"
    )


def leaderless(order: Move) -> BrokerError:
    """A quorum queue does not even let us consume. See `proca_topo.broker.moving.empty_logs`."""
    name = shown(order.source)
    return BrokerError(
        f"the quorum queue {name} has no leader: if a node that it is on is down, start that node, and apply"
        " again. If all are up, and a log of theirs says that a member of it was not found and is started as a new"
        " one, then RabbitMQ was killed while it deleted the queue, and its messages were gone with that: delete"
        f" it (rabbitmqctl delete_queue {name}), and apply again"
    )


def undeletable(order: Move, reason: ChannelClosedByBroker) -> BrokerError:
    """RabbitMQ does not delete the source."""
    return BrokerError(
        f"{shown(order.source)} cannot be deleted ({reason_in(reason)}): find out who publishes to it by its name,"
        " and apply again. Nothing was lost"
    )


def source_refused(order: Move, reason: ChannelClosedByBroker) -> BrokerError:
    """RabbitMQ has closed the channel that consumes."""
    return consuming_refused(order.source, reason, f"to move the messages of {shown(order.source)}")


def consuming_refused(queue: str, reason: ChannelClosedByBroker, doing: str) -> BrokerError:
    """RabbitMQ has closed a channel because of what was to be consumed on it."""
    if is_access_refused(reason) and "exclusive" in reason.reply_text:
        return in_use(queue)
    if reason.reply_code == _NOT_FOUND:
        return BrokerError(f"{shown(queue)} is gone: apply again")
    return closed_by_broker(reason, doing)


def target_refused(order: Move, reason: ChannelClosedByBroker, *, suspect: str | None) -> BrokerError:
    """RabbitMQ has closed the channel that publishes, perhaps for the user whom a message says it is from."""
    if suspect is not None and "user_id" in reason.reply_text:
        return BrokerError(
            f"the next message of {shown(order.source)} is from the user {shown(suspect)}, whose name RabbitMQ"
            " lets no other user publish with: give the user of this apply the tag 'impersonator', or let the"
            " queue drain, and apply again. The message is where it was"
        )
    if reason.reply_code == _NOT_FOUND:
        return BrokerError(
            f"the exchange {shown(order.exchange)}, to move messages through, is gone. What could not be moved is"
            f" in {shown(order.source)}; apply again"
        )
    return closed_by_broker(reason, f"to publish the messages of {shown(order.source)} anew")
