"""Why a request got no usable answer, as one sentence: what, where, what to do."""

import shlex
import socket
import ssl
from collections.abc import Iterator
from typing import Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.http.library import httpx
from proca_topo.broker.tls import client_certificate_wanted, not_trusted, what_tls_says
from proca_topo.errors import AccessError, BrokerError, NotRabbitMQError, UnreachableError
from proca_topo.topology.names import one_line

# What OpenSSL says when the other side does not speak TLS.
_NO_TLS_THERE: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST")
_TLS_ALERT: Final = b"\x15\x03"
_GREETING_TIMEOUT: Final = 2.0  # seconds
_MANAGEMENT_PORTS: Final = "the management API usually listens on port 15672, with TLS on 15671"


class ServerError(BrokerError):
    """The broker, or a proxy before it, answered 5xx or 429, again and again."""

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


def is_access_refused(reason: str) -> bool:
    """Whether this is the reason of a 401 about one object, which the user may not configure, write or read."""
    return reason.rstrip(".") == "Access refused"


def is_hopeless(error: httpx.TransportError) -> bool:
    """Whether trying again cannot help: the name does not resolve, or the other side does not do this TLS."""
    return any(isinstance(cause, socket.gaierror) or _is_no_tls(cause) for cause in _causes(error))


def no_answer(error: httpx.TransportError, address: BrokerAddress, *, answered: bool) -> BrokerError:
    """The error for a request that got no HTTP answer at all; `answered` if another request got one before."""
    where = address.location
    if answered and _went_away(error):
        return UnreachableError(
            f"{where} does not answer any more: the broker or the network went away; once it is back, run the same"
            " command again"
        )
    for cause in _causes(error):
        match cause:
            case socket.gaierror():
                return UnreachableError(f"the host name in {where} cannot be resolved: check the broker's URL")
            case ssl.SSLError():
                return _no_tls(cause, where)
            case ConnectionRefusedError():
                return UnreachableError(
                    f"nothing listens at {where}: start the broker, check the URL, or enable the management plugin"
                    " (rabbitmq-plugins enable rabbitmq_management)"
                )
    return _no_http(error, where)


def _went_away(error: httpx.TransportError) -> bool:
    busy = isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout)
    return not busy and not any(_is_no_tls(cause) for cause in _causes(error))


def _is_no_tls(cause: BaseException) -> bool:
    """Whether TLS itself does not work. A connection that ends is no fault of TLS."""
    return isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)


def _no_tls(error: ssl.SSLError, where: str) -> BrokerError:
    if isinstance(error, ssl.SSLCertVerificationError):
        return not_trusted(error, where)
    if any(marker in str(error) for marker in _NO_TLS_THERE):
        return NotRabbitMQError(f"what listens at {where} does not speak TLS: write http:// or check the port")
    wanted = client_certificate_wanted(str(error), where)
    return wanted or UnreachableError(
        f"TLS with {where} failed ({what_tls_says(error)}): check the port and its TLS"
    )


def _no_http(error: httpx.TransportError, where: str) -> BrokerError:
    match error:
        case httpx.ConnectTimeout():
            return UnreachableError(f"{where} does not answer: check the URL, and firewalls on the way")
        case httpx.TimeoutException():
            return UnreachableError(f"{where} took too long to answer: try again when the broker is less busy")
        case httpx.RemoteProtocolError() | httpx.ReadError():
            return _not_http(_greeting(where), where)
        case _:
            reason = one_line(str(error)) or type(error).__name__
            return UnreachableError(f"the connection to {where} failed: {reason}")


def bad_login(reason: str, address: BrokerAddress, method: str, path: str) -> AccessError:
    """The error for a 401 to a request: RabbitMQ uses it for a wrong password and for missing rights alike."""
    lowered = reason.lower()
    if lowered in {"", "login failed", "not_authorized", "not_authorised"}:
        return AccessError(
            f"{address.location} does not accept the user {address.username!r} with this password:"
            f" {address.login_remedy}"
        )
    if "not management user" in lowered:
        remedy = "give the user the tag 'management' or 'administrator'"
    elif "access object" in lowered:
        remedy = _tag_for(method, path, address.username)
    elif "administrator" in lowered:
        remedy = "give the user the tag 'administrator'"
    elif "localhost" in lowered:
        remedy = "use another user than RabbitMQ's default one"
    else:
        remedy = "give the user the tag and the permissions for it"
    return AccessError(f"{address.location} refuses this to the user {address.username!r} ({reason}): {remedy}")


def _tag_for(method: str, path: str, user: str) -> str:
    """What lets a user do what is refused as access to an object: that sentence is the same for all of them."""
    match method, path.lstrip("/").partition("/")[0].partition("?")[0]:
        case _, "policies" | "operator-policies":
            what, tag = "policies take", "policymaker"
        case "DELETE", "connections":
            what, tag = "other users' connections can be closed with", "administrator"
        case _, "connections" | "channels" | "consumers" | "nodes":
            what, tag = "what is other users' can be seen with", "monitoring"
        case _:
            return "give the user the tag and the permissions for it"
    command = f"rabbitmqctl set_user_tags {shlex.quote(user)} {tag}"
    return f"{what} the tag '{tag}'; give it to the user (`{command}`, which replaces other tags)"


def not_rabbitmq(address: BrokerAddress, what: str) -> NotRabbitMQError:
    """The error for an answer that RabbitMQ's management API would not give."""
    return NotRabbitMQError(
        f"{address.location} is not RabbitMQ's management API: {what}; check the URL ({_MANAGEMENT_PORTS})"
    )


def reason_of(response: httpx.Response) -> str:
    """The broker's own reason in an error answer, on one line; empty where it gives none."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return ""
    if not isinstance(answer, dict):
        return ""
    reason = answer.get("reason", answer.get("error", ""))
    text = reason if isinstance(reason, str) else str(reason)
    if "&" in text:  # RabbitMQ writes some of its reasons for a page
        from html import unescape

        text = unescape(text)
    return one_line(text)


def says_rabbitmq(response: httpx.Response) -> bool:
    """Whether an error answer has the form that RabbitMQ gives to all of them: JSON with `error`."""
    try:
        answer = response.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(answer, dict) and "error" in answer


def _not_http(greeting: bytes, where: str) -> BrokerError:
    if greeting.startswith(b"AMQP"):
        return NotRabbitMQError(f"{where} is an AMQP port, not the management API: {_MANAGEMENT_PORTS}")
    if greeting.startswith(_TLS_ALERT):
        return NotRabbitMQError(f"{where} wants TLS: write https:// instead of http://")
    if greeting:
        return NotRabbitMQError(f"{where} does not speak HTTP: check the port ({_MANAGEMENT_PORTS})")
    return UnreachableError(
        f"{where} closed the connection without an answer: check the port ({_MANAGEMENT_PORTS})"
    )


def _greeting(where: str) -> bytes:
    """What the other side says to eight bytes that are neither AMQP nor TLS; empty if nothing."""
    url = httpx.URL(where)
    if url.scheme != "http":
        return b""
    try:
        with socket.create_connection((url.host, url.port or 80), timeout=_GREETING_TIMEOUT) as connection:
            connection.sendall(b"GET / HT")
            return connection.recv(8)
    except OSError:
        return b""


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
