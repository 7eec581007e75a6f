"""Why AMQP did not work, as one sentence. Imported only together with pika."""

import re
import socket
import ssl
from typing import Final, TypeAlias

from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    ConnectionBlockedTimeout,
    ConnectionClosedByBroker,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.tls import client_certificate_wanted, not_trusted, what_tls_says
from proca_topo.errors import (
    AccessError,
    BrokerError,
    NotRabbitMQError,
    OtherClusterError,
    UnreachableError,
    VhostMissingError,
)
from proca_topo.topology.names import one_line, shown

AmqpProblem: TypeAlias = AMQPError | AMQPConnectorException | OSError
AMQP_PROBLEMS: Final = (AMQPError, AMQPConnectorException, OSError)
"""What pika raises: not all of its errors have the same root."""

_PORTS: Final = "AMQP usually listens on port 5672, with TLS on 5671; set PROCA_TOPO_AMQP"
_ONE_BROKER: Final = "give --broker and --amqp (or PROCA_TOPO_BROKER and PROCA_TOPO_AMQP) of one broker"
_INTERNAL_ERROR: Final = 541
# Of Khepri, RabbitMQ's store from 4.0 on (seen on 4.3).
_NO_MAJORITY: Final = "metadata store operation timed out"
_QUOTED_REASON: Final = re.compile(r"""\(\d+\) (['"])[A-Z_]+ - (?P<reason>.*)\1""", re.DOTALL)


class InternalError(BrokerError):
    """RabbitMQ has failed in what was asked of it, and closed the connection."""


def amqp_failure(
    error: AmqpProblem, address: BrokerAddress, vhost: str, *, connected: bool = False
) -> BrokerError:
    """The error for a connection that could not be made or, if it was `connected`, was lost."""
    where = address.amqp_location
    match error:
        case ProbableAuthenticationError():
            return AccessError(
                f"{where} does not accept the AMQP user with this password: {address.amqp_login_remedy}"
            )
        case ProbableAccessDeniedError():
            reason = _reason(error)
            if "not found" in reason:
                return _no_vhost(address, vhost)
            return AccessError(f"{where} does not let the AMQP user into the vhost {shown(vhost)!r}: {reason}")
        case ConnectionBlockedTimeout():
            return UnreachableError(
                f"{where} takes no messages at the moment (a memory or disk alarm), and confirmed nothing:"
                " see the alarms in `rabbitmq-diagnostics status`"
            )
        case _ if connected:
            return _lost(error, where)
        case _:
            return _no_connection(error, where)


def _no_vhost(address: BrokerAddress, vhost: str) -> BrokerError:
    missing = f"there is no vhost {shown(vhost)!r} on {address.amqp_location}"
    if address.cluster_name is None:
        return VhostMissingError(missing)
    # Nobody asks by AMQP before the management API has shown the vhost. Where none is, AMQP tells no cluster.
    return OtherClusterError(
        f"{missing}, though {address.location} has shown it: either it was deleted since, or these are two"
        f" brokers; then {_ONE_BROKER}"
    )


def _lost(error: AmqpProblem, where: str) -> BrokerError:
    closed = error if isinstance(error, ConnectionClosedByBroker) else None
    if closed is not None and closed.reply_code == _INTERNAL_ERROR:
        return InternalError(f"RabbitMQ at {where} has failed in what was asked of it (541): {_see(closed)}")
    said = _reason(closed) if closed is not None else type(error).__name__
    return UnreachableError(
        f"the connection to {where} was lost ({said}): the broker or the network went away;"
        " try again once it is back"
    )


def _see(closed: ConnectionClosedByBroker) -> str:
    reason = reason_in(closed)
    if _NO_MAJORITY not in reason:
        return "see its log"
    return f"{reason}; that takes more than half of the cluster's nodes: start those that are down, and try again"


def _no_connection(error: AmqpProblem, where: str) -> BrokerError:  # noqa: PLR0911 - a table
    # pika wraps what happened to the socket into an error that tells it only in its repr.
    text = one_line(repr(error))
    match error:
        case socket.gaierror():
            return UnreachableError(f"the host name in {where} cannot be resolved: set PROCA_TOPO_AMQP")
        case ssl.SSLCertVerificationError():
            return not_trusted(error, where)
        case _ if (wanted := client_certificate_wanted(text, where)) is not None:
            return wanted
        case ssl.SSLError():
            return NotRabbitMQError(f"TLS with {where} failed ({what_tls_says(error)}): check the port ({_PORTS})")
        case IncompatibleProtocolError() if "SSL" in text:
            # TLS 1.3 is up for one side before the other has looked for a certificate.
            return UnreachableError(
                f"{where} closes the connection as soon as TLS is up: it may demand a certificate of its clients,"
                f" which proca-topo has none of, or be no AMQP port ({_PORTS})"
            )
        case IncompatibleProtocolError():
            return NotRabbitMQError(f"what listens at {where} does not speak AMQP: check the port ({_PORTS})")
        case _ if "ConnectionRefusedError" in text:
            return UnreachableError(f"nothing listens at {where}: start the broker or check the port ({_PORTS})")
        case _ if "Timeout" in text:
            return UnreachableError(f"{where} does not answer as an AMQP port does: check the port ({_PORTS})")
        case _:
            return UnreachableError(f"the connection to {where} failed: {text}")


def other_cluster(address: BrokerAddress, found: str) -> OtherClusterError:
    """The error for an AMQP port that is of the cluster `found`.

    Each node of a cluster that has been given no name tells one of its own, NODE@HOST (seen on 3.10 and 4.3).
    """
    return OtherClusterError(
        f"{address.amqp_location} is of the cluster {shown(found)}, and {address.location} of the cluster"
        f" {shown(address.cluster_name or '')}: {_ONE_BROKER}; if they are nodes of one cluster it has no name, so"
        " give it one with `rabbitmqctl set_cluster_name NAME`"
    )


def closed_by_broker(error: ChannelClosedByBroker, doing: str) -> BrokerError:
    """The error for a channel that the broker closed because of what was asked on it."""
    if is_access_refused(error):
        return AccessError(
            f"the broker refused {doing}: {reason_in(error)}; give that user the permission with `rabbitmqctl"
            " set_permissions`"
        )
    return BrokerError(f"the broker refused {doing}: {reason_in(error)}")


def is_access_refused(error: ChannelClosedByBroker) -> bool:
    """Whether the user may not configure, write or read the object."""
    return bool(error.reply_code == _ACCESS_REFUSED)


def reason_in(error: ChannelClosedByBroker | ConnectionClosedByBroker) -> str:
    """The broker's reason without AMQP's name for the reply code."""
    return one_line(error.reply_text.partition(" - ")[2] or error.reply_text)


_ACCESS_REFUSED: Final = 403


def _reason(error: AMQPError) -> str:
    text = str(error.args[0]) if error.args else ""
    quoted = _QUOTED_REASON.search(text)
    return one_line(quoted["reason"] if quoted else text)
