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
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from proca_topo.broker.address import BrokerAddress
from proca_topo.errors import AccessError, BrokerError, NotRabbitMQError, UnreachableError, VhostMissingError
from proca_topo.topology.names import one_line, shown

AmqpProblem: TypeAlias = AMQPError | AMQPConnectorException | OSError
AMQP_PROBLEMS: Final = (AMQPError, AMQPConnectorException, OSError)
"""What pika raises: not all of its errors have the same root."""

_PORTS: Final = "AMQP usually listens on port 5672, with TLS on 5671; set PROCA_TOPO_AMQP"
_QUOTED_REASON: Final = re.compile(r"""\(\d+\) (['"])[A-Z_]+ - (?P<reason>.*)\1""", re.DOTALL)


def amqp_failure(error: AmqpProblem, address: BrokerAddress, vhost: str) -> BrokerError:
    """The error for a connection that could not be made or was lost."""
    where = address.amqp_location
    match error:
        case ProbableAuthenticationError():
            return AccessError(
                f"{where} does not accept the AMQP user with this password: {address.amqp_login_remedy}"
            )
        case ProbableAccessDeniedError():
            reason = _reason(error)
            if "not found" in reason:
                return VhostMissingError(f"there is no vhost {shown(vhost)!r} on {where}")
            return AccessError(f"{where} does not let the AMQP user into the vhost {shown(vhost)!r}: {reason}")
        case ConnectionBlockedTimeout():
            return UnreachableError(
                f"{where} takes no messages at the moment (a memory or disk alarm), and confirmed nothing:"
                " see the alarms in `rabbitmq-diagnostics status`"
            )
        case _:
            return _no_connection(error, where)


def _no_connection(error: AmqpProblem, where: str) -> BrokerError:  # noqa: PLR0911 - a table
    # pika wraps what happened to the socket into an error that tells it only in its repr.
    text = one_line(repr(error))
    match error:
        case socket.gaierror():
            return UnreachableError(f"the host name in {where} cannot be resolved: set PROCA_TOPO_AMQP")
        case ssl.SSLCertVerificationError():
            return UnreachableError(
                f"the TLS certificate of {where} is not trusted ({one_line(error.verify_message)}):"
                " if it is right, set SSL_CERT_FILE to the file of its certificate authority"
            )
        case ssl.SSLError():
            return NotRabbitMQError(
                f"TLS with {where} failed ({one_line(str(error.reason))}): check the port ({_PORTS})"
            )
        case IncompatibleProtocolError():
            return NotRabbitMQError(f"what listens at {where} does not speak AMQP: check the port ({_PORTS})")
        case _ if "ConnectionRefusedError" in text:
            return UnreachableError(f"nothing listens at {where}: start the broker or check the port ({_PORTS})")
        case _ if "Timeout" in text:
            return UnreachableError(f"{where} does not answer as an AMQP port does: check the port ({_PORTS})")
        case _:
            return UnreachableError(f"the connection to {where} failed: {text}")


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


def reason_in(error: ChannelClosedByBroker) -> str:
    """The broker's reason without AMQP's name for the reply code."""
    return one_line(error.reply_text.partition(" - ")[2] or error.reply_text)


_ACCESS_REFUSED: Final = 403


def _reason(error: AMQPError) -> str:
    text = str(error.args[0]) if error.args else ""
    quoted = _QUOTED_REASON.search(text)
    return one_line(quoted["reason"] if quoted else text)
