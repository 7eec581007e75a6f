"""One exchange in the place of another, in one go: deleted and declared by requests that follow one another."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.protocol import Swap
from proca_topo.errors import BrokerError
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Exchange

if TYPE_CHECKING:
    from pika import SelectConnection
    from pika.channel import Channel


def swap(address: BrokerAddress, vhost: str, order: Swap) -> None:
    """Delete an exchange with all its bindings and declare the new one, without waiting in between.

    Raises BrokerError, before anything is deleted, if the exchange is not as it is to be `before`.
    """
    _Swapping(address, vhost, order).run()


class _Swapping:
    """One connection. RabbitMQ does in turn what comes by one channel, also if the connection is then lost."""

    def __init__(self, address: BrokerAddress, vhost: str, order: Swap) -> None:
        self._address = address
        self._vhost = vhost
        self._order = order
        self._error: BrokerError | None = None
        self._done = False
        self._connection: SelectConnection
        self._channel: Channel

    def run(self) -> None:
        """Do it. Raises what ended it."""
        from pika import SelectConnection

        from proca_topo.broker.amqp.client import parameters
        from proca_topo.broker.amqp.doubles import doubles

        logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
        self._connection = SelectConnection(
            parameters(
                self._address, self._vhost, {"product": "proca-topo", "connection_name": "proca-topo swap"}
            ),
            on_open_callback=lambda connection: connection.channel(on_open_callback=self._opened),
            on_open_error_callback=lambda _, error: self._lost(error, connected=False),
            on_close_callback=lambda _, reason: self._lost(reason, connected=True),
        )
        with doubles():
            self._connection.ioloop.start()
        if self._error is not None:
            raise self._error

    def _opened(self, channel: "Channel") -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        # Whoever may not declare it, or sees another than was seen, gets no further.
        self._declare(self._order.before, then=self._delete_and_declare)

    def _delete_and_declare(self) -> None:
        # Without a callback pika does not wait for an answer.
        self._channel.exchange_delete(self._order.before.name)
        self._declare(self._order.after)
        for binding in self._order.then_bind:
            self._channel.exchange_bind(
                binding.destination,
                binding.source,
                routing_key=binding.routing_key,
                arguments=binding.arguments.to_dict(),
            )
        self._channel.exchange_declare(self._order.after.name, passive=True, callback=lambda _: self._close())

    def _declare(self, exchange: Exchange, then: "Callable[[], None] | None" = None) -> None:
        self._channel.exchange_declare(
            exchange.name,
            exchange_type=exchange.type,
            durable=exchange.durable,
            auto_delete=exchange.auto_delete,
            internal=exchange.internal,
            arguments=exchange.arguments.to_dict(),
            callback=None if then is None else lambda _: then(),
        )

    def _close(self) -> None:
        self._done = True
        self._connection.close()

    def _channel_closed(self, _channel: "Channel", reason: Exception) -> None:
        if self._done or self._error is not None:
            return
        from pika.exceptions import ChannelClosedByBroker

        from proca_topo.broker.amqp.errors import closed_by_broker

        name = shown(self._order.before.name)
        if isinstance(reason, ChannelClosedByBroker):
            self._error = closed_by_broker(reason, f"to put another exchange in the place of {name}")
        else:
            self._error = BrokerError(f"the channel on which {name} is replaced was closed: apply again")
        if self._connection.is_open:
            self._connection.close()

    def _lost(self, reason: BaseException, *, connected: bool) -> None:
        if not self._done and self._error is None:
            from proca_topo.broker.amqp.errors import AMQP_PROBLEMS, amqp_failure

            problem = reason if isinstance(reason, AMQP_PROBLEMS) else ConnectionError(str(reason))
            self._error = amqp_failure(problem, self._address, self._vhost, connected=connected)
        self._connection.ioloop.stop()
