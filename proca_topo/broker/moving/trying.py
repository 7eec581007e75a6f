"""Whether a user may do all that moving messages takes, before anything is changed.

RabbitMQ looks at permissions first. So it is asked for what it refuses to everybody, and its reason tells.
"""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.permissions import remedy
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from pika.adapters.blocking_connection import BlockingChannel

_LOCKED: Final = 405


def lacking(address: BrokerAddress, vhost: str, queue: str, ours: str) -> list[str]:
    """What the AMQP user may not do with a queue, which is to be emptied and deleted, and with a queue and an
    exchange named `ours`, which need not be there: "read 'q'". Raises BrokerError if that cannot be found out.
    """
    from pika.exceptions import ChannelClosedByBroker

    from proca_topo.broker.amqp.client import connected
    from proca_topo.broker.amqp.errors import is_access_refused

    found = []
    with connected(address, vhost) as connection:
        for what, attempt in _attempts(queue, ours).items():
            channel = connection.channel()
            try:
                attempt(channel)
                channel.close()
            except ChannelClosedByBroker as error:
                if is_access_refused(error):
                    found.append(what)
    return found


def why_not_new(address: BrokerAddress, vhost: str, queue: str, ours: str) -> str | None:
    """Why the user of the management API cannot declare a queue of this name and bind it, whether it is there or
    not; None if that can be done. There is no exchange named `ours`. Raises BrokerError if it cannot be found out.
    """
    from pika.exceptions import ChannelClosedByBroker

    from proca_topo.broker.amqp.client import connected
    from proca_topo.broker.amqp.errors import is_access_refused

    name, lacking = shown(queue), []
    attempts = {
        "configure": partial(_declare_wrongly, queue=queue),
        "write to": partial(_bind_to_nothing, queue, ours),
    }
    with connected(address.with_api_user, vhost) as connection:
        for what, attempt in attempts.items():
            try:
                attempt(connection.channel())
            except ChannelClosedByBroker as error:
                if error.reply_code == _LOCKED:
                    return f"{name} is one connection's own queue: end that connection first"
                if is_access_refused(error):
                    lacking.append(what)
    if not lacking:
        return None
    user = address.username
    return f"the user {shown(user)!r} may not {' nor '.join(lacking)} {name!r}: {remedy(user, vhost)}"


def _attempts(queue: str, ours: str) -> "dict[str, Callable[[BlockingChannel], None]]":
    return {
        f"configure {shown(queue)!r}": partial(_declare_wrongly, queue=queue),
        f"read {shown(queue)!r}": partial(_consume_wrongly, queue=queue),
        f"configure {shown(ours)!r}": partial(_declare_wrongly, queue=ours),
        f"read {shown(ours)!r}": partial(_consume_wrongly, queue=ours),
        f"write to {shown(ours)!r}": partial(_publish_nowhere, exchange=ours),
    }


def _declare_wrongly(channel: "BlockingChannel", queue: str) -> None:
    """No queue can expire in the past: 406, whether it is there or not."""
    channel.queue_declare(queue, durable=True, arguments={"x-expires": -1})


def _consume_wrongly(channel: "BlockingChannel", queue: str) -> None:
    """A priority is a number: 406, and no message is delivered. 404 where the queue is not there."""
    channel.basic_consume(queue, lambda *_: None, arguments={"x-priority": "none"})


def _bind_to_nothing(queue: str, exchange: str, channel: "BlockingChannel") -> None:
    """404, since there is no exchange of this name, and mostly no such queue either."""
    channel.queue_bind(queue, exchange, "")


def _publish_nowhere(channel: "BlockingChannel", exchange: str) -> None:
    """404, since there is no exchange of this name."""
    channel.confirm_delivery()
    channel.basic_publish(exchange, "", b"")
