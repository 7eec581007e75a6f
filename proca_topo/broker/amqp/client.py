"""What only AMQP can do: publish with confirms, count at once, delete what a URL cannot name."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, assert_never
from urllib.parse import unquote, urlsplit

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.permissions import refused_to
from proca_topo.broker.protocol import Failure
from proca_topo.broker.tls import tls_context
from proca_topo.errors import BrokerError, UnroutableError
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import CLASSIC, Binding, DestinationType, Exchange, Noun, Policy, Queue

if TYPE_CHECKING:
    from pika import BlockingConnection, ConnectionParameters
    from pika.adapters.blocking_connection import BlockingChannel
    from pika.exceptions import ChannelClosedByBroker

_CONNECT_TIMEOUT: Final = 5.0
# A broker under a memory or disk alarm stops reading from publishers, for as long as it lasts.
_BLOCKED_TIMEOUT: Final = 10.0
_HEARTBEAT: Final = 30
_PERSISTENT: Final = 2
_NOT_FOUND: Final = 404

_logger: Final = logging.getLogger("proca_topo.broker")


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueCounts:
    """What a passive declare tells at once: messages that wait, and consumers."""

    ready: int
    consumers: int


def publish(
    address: BrokerAddress,
    vhost: str,
    *,
    exchange: str,
    routing_key: str,
    body: bytes,
    content_type: str = "application/json",
) -> None:
    """Publish one message, persistent and mandatory, and wait until the broker has confirmed it.

    Raises UnroutableError if no queue is bound for it, and other BrokerErrors: no such vhost or exchange, a wrong
    password, nothing listens, a full queue rejected the message, or an alarm blocks publishers for 10 s.
    """
    from pika import BasicProperties
    from pika.exceptions import ChannelClosedByBroker, NackError
    from pika.exceptions import UnroutableError as ReturnedError

    from proca_topo.broker.amqp.errors import closed_by_broker

    target = f"the exchange {shown(exchange)!r} with the key {shown(routing_key)!r}"
    with _channel(address, vhost) as channel:
        channel.confirm_delivery()
        try:
            channel.basic_publish(
                exchange=exchange,
                routing_key=routing_key,
                body=body,
                properties=BasicProperties(content_type=content_type, delivery_mode=_PERSISTENT),
                mandatory=True,
            )
        except ReturnedError as error:
            raise UnroutableError(f"no queue is bound for {target}: the message was not kept") from error
        except NackError as error:
            raise BrokerError(
                f"the broker did not take the message to {target}: a queue bound for it is full"
            ) from error
        except ChannelClosedByBroker as error:
            raise closed_by_broker(error, f"the message to {target}") from error


def queue_counts(address: BrokerAddress, vhost: str, queues: Collection[str]) -> Mapping[str, QueueCounts | None]:
    """Messages that wait and consumers of these queues, at this moment; None where the queue does not answer.

    Left out are queues that are gone and those that are exclusive to another connection.
    """
    return {
        queue: QueueCounts(ready=found.message_count, consumers=found.consumer_count)
        if found is not None
        else None
        for queue, found, refused in _declared_passively(address, vhost, queues)
        if refused is None
    }


def not_gone(address: BrokerAddress, vhost: str, queues: Collection[str]) -> Mapping[str, str]:
    """Those of these queues that RabbitMQ still knows, with what it says of them, "" where they are there.

    Up to 3.x its management API answers 404 for a queue that is on a stopped node, as if it were gone.
    """
    known = {}
    for queue, _, refused in _declared_passively(address, vhost, queues):
        if refused is None:
            known[queue] = ""
        elif refused.reply_code != _NOT_FOUND or "no queue " not in refused.reply_text:
            known[queue] = refused.reply_text
    return known


def _declared_passively(
    address: BrokerAddress, vhost: str, queues: Collection[str]
) -> "Iterator[tuple[str, Any, ChannelClosedByBroker | None]]":
    """Each queue with what RabbitMQ tells of it, or with its refusal."""
    from pika.exceptions import ChannelClosedByBroker

    from proca_topo.broker.amqp.counting import count

    with connected(address, vhost) as connection:
        channel = connection.channel()
        for queue in queues:
            try:
                found = count(channel, queue)
            except ChannelClosedByBroker as error:
                _logger.info("AMQP passive declare of %r: %d", queue, error.reply_code)
                channel = connection.channel()
                yield queue, None, error
            else:
                yield queue, found, None


def delete(address: BrokerAddress, vhost: str, nouns: Sequence[Noun]) -> list[Failure]:
    """Delete queues, exchanges and bindings of any name. What is gone already is no failure."""
    from pika.exceptions import ChannelClosedByBroker

    from proca_topo.broker.amqp.doubles import doubles
    from proca_topo.broker.amqp.errors import is_access_refused, reason_in

    failures = []
    with doubles(), connected(address, vhost) as connection:
        channel = connection.channel()
        for noun in nouns:
            try:
                _delete(channel, noun)
            except ChannelClosedByBroker as error:
                channel = connection.channel()
                if is_access_refused(error):
                    reason = refused_to(address.amqp_username, vhost, noun, doing="delete")
                    failures.append(Failure(noun=noun, reason=reason))
                elif error.reply_code != _NOT_FOUND:
                    failures.append(Failure(noun=noun, reason=reason_in(error)))
    return failures


def _delete(channel: "BlockingChannel", noun: Noun) -> None:
    match noun:
        case Queue():
            idle = noun.type in {CLASSIC, None}
            channel.queue_delete(noun.name, if_unused=idle, if_empty=idle)
        case Exchange():
            channel.exchange_delete(noun.name, if_unused=True)
        case Binding():
            to_queue = noun.destination_type is DestinationType.QUEUE
            unbind = channel.queue_unbind if to_queue else channel.exchange_unbind
            for arguments in _as_they_may_be(noun.arguments.to_dict()):
                unbind(noun.destination, noun.source, routing_key=noun.routing_key, arguments=arguments)
        case Policy():
            raise BrokerError(f"a policy named {noun.name!r} cannot be deleted over AMQP, nor over HTTP")
        case _:
            assert_never(noun)


def _as_they_may_be(arguments: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The arguments with integers as pika sends them, 32 bits where they fit, and as the HTTP API does, 64 bits.

    To RabbitMQ these are two bindings, which look the same.
    """
    yield arguments
    if arguments:
        yield _with_long_integers(arguments)


def _with_long_integers(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    from pika.compat import long

    match value:
        case bool():
            return value
        case int():
            return long(value)
        case list():
            return [_with_long_integers(item) for item in value]
        case dict():
            return {key: _with_long_integers(item) for key, item in value.items()}
        case _:
            return value


@contextmanager
def _channel(address: BrokerAddress, vhost: str) -> "Iterator[BlockingChannel]":
    with connected(address, vhost) as connection:
        yield connection.channel()


@contextmanager
def connected(address: BrokerAddress, vhost: str) -> "Iterator[BlockingConnection]":
    """A connection for the time of a `with`. What happens to it is raised as a BrokerError."""
    from proca_topo.broker.amqp.errors import AMQP_PROBLEMS, amqp_failure

    connection = connect(address, vhost)
    try:
        try:
            yield connection
        finally:
            if connection.is_open:
                connection.close()
    except AMQP_PROBLEMS as error:
        raise amqp_failure(error, address, vhost, connected=True) from error


def connect(
    address: BrokerAddress, vhost: str, *, name: str = "proca-topo", properties: Mapping[str, str] | None = None
) -> "BlockingConnection":
    """A connection, to be closed by the caller. RabbitMQ shows its `name` and `properties` to whoever lists it.

    Raises OtherClusterError if the management API of this address has told that it is of another cluster.
    """
    from pika import BlockingConnection

    from proca_topo.broker.amqp.errors import AMQP_PROBLEMS, amqp_failure, other_cluster

    # pika reports every failure in its log, with tracebacks, before it raises it; here it is told once.
    logging.getLogger("pika").setLevel(logging.CRITICAL + 1)
    shown_properties = {"product": "proca-topo", "connection_name": name, **(properties or {})}
    try:
        connection = BlockingConnection(parameters(address, vhost, shown_properties))
        if address.cluster_name is not None and (other := _cluster_of(connection)) != address.cluster_name:
            connection.close()
            raise other_cluster(address, other)
    except AMQP_PROBLEMS as error:
        raise amqp_failure(error, address, vhost) from error
    return connection


def _cluster_of(connection: "BlockingConnection") -> str:
    # pika shows what the server says of itself only where it connects without blocking.
    name = connection._impl.server_properties.get("cluster_name")  # noqa: SLF001
    return name.decode(errors="replace") if isinstance(name, bytes) else str(name)


def parameters(address: BrokerAddress, vhost: str, properties: dict[str, str]) -> "ConnectionParameters":
    """How to connect to a vhost as a client with these properties. Raises BrokerError without an AMQP address."""
    from pika import ConnectionParameters, PlainCredentials, SSLOptions

    if address.amqp_url is None:
        raise BrokerError(f"{address.location} has no AMQP port: set PROCA_TOPO_AMQP")
    url = urlsplit(address.amqp_url)
    host = url.hostname or ""
    return ConnectionParameters(
        host=host,
        port=url.port,
        virtual_host=vhost,
        credentials=PlainCredentials(unquote(url.username or ""), unquote(url.password or "")),
        ssl_options=SSLOptions(tls_context(), host) if url.scheme == "amqps" else None,
        heartbeat=_HEARTBEAT,
        socket_timeout=_CONNECT_TIMEOUT,
        stack_timeout=2 * _CONNECT_TIMEOUT,
        blocked_connection_timeout=_BLOCKED_TIMEOUT,
        client_properties=properties,
    )
