"""Requests to RabbitMQ's management API: one keep-alive client, retries, a log line each, errors as sentences."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.http.errors import (
    ServerError,
    bad_login,
    is_access_refused,
    is_hopeless,
    no_answer,
    not_rabbitmq,
    reason_of,
    says_rabbitmq,
)
from proca_topo.broker.http.library import httpx
from proca_topo.broker.tls import tls_context
from proca_topo.broker.wire import Json
from proca_topo.errors import AccessError, BrokerError, UsageError
from proca_topo.topology.names import one_line

if TYPE_CHECKING:
    from tenacity import RetryCallState

CONNECTIONS: Final = 8
"""Requests under way at once: measured, more does not make RabbitMQ any faster."""

_logger: Final = logging.getLogger("proca_topo.broker")

# Listing 20,000 bindings takes seconds, a busy broker longer.
_TIMEOUT: Final = httpx.Timeout(10.0, read=120.0, write=60.0, pool=None)
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_UNAVAILABLE: Final = frozenset(
    {
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,  # of a proxy: RabbitMQ limits nobody
    }
)


# Between the tries: 0.25, 0.5, 1, 2 and then always 3 s. A node takes 4 to 20 s to restart, so that one which has
# answered is waited for half a minute. Somebody else's "unavailable" is believed after 10 s.
_RESTART_TRIES: Final = 13
_UNAVAILABLE_TRIES: Final = 7
# 4.x answers 500 for a moment after its start; most other 500s stay.
_SERVER_ERROR_TRIES: Final = 4
_FIRST_TRIES: Final = 2
_FIRST_PAUSE: Final = 0.25
_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}


class ManagementApi:
    """RabbitMQ's HTTP API at one address. Safe to use from several threads."""

    def __init__(self, address: BrokerAddress) -> None:
        if address.management_url is None:
            raise BrokerError(f"{address.location} is not the URL of a management API")
        self.address = address
        self._base = f"{address.management_url}/api"
        # Asked before each request that changes something, before it is tried again too. Raises what forbids it.
        self.guard: Callable[[], None] | None = None
        self._answered = False
        url = _url(address.management_url)
        self._client = httpx.Client(
            auth=(address.username, address.password),
            # For plain HTTP, loading certificates costs 20 ms for nothing.
            verify=tls_context() if url.scheme == "https" else False,
            timeout=_TIMEOUT,
            limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
            # A proxy for the world outside is no way to this machine.
            mounts={f"all://{url.netloc.decode()}": None} if url.host in _LOOPBACK else None,
        )

    def belongs_to(self, cluster_name: str) -> None:
        """The API has told which cluster this is. Who connects by `address` from now on makes sure of it."""
        self.address = replace(self.address, cluster_name=cluster_name)

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def get_list(self, path: str) -> list[Json]:
        """The list at a path of the API."""
        return self._list(self._get(path), path)

    def find_list(self, path: str) -> list[Json]:
        """The list at a path of the API, empty where there is not what it is about."""
        response = self.request("GET", path)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return []
        return self._list(self._parsed_success(response, path), path)

    def get_object(self, path: str) -> Json:
        """The object at a path of the API. Raises BrokerError if it is not there."""
        return self._object(self._get(path), path)

    def find(self, path: str) -> Json | None:
        """The object at a path of the API, None where there is none."""
        response = self.request("GET", path)
        if response.status_code == HTTPStatus.NOT_FOUND:
            return None
        return self._object(self._parsed_success(response, path), path)

    def delete(self, path: str) -> str | None:
        """Delete what is at a path of the API. Why RabbitMQ refuses that; None if it is gone, or was before."""
        response = self.request("DELETE", path)
        if response.is_success or response.status_code == HTTPStatus.NOT_FOUND:
            return None
        return reason_of(response) or f"the broker answers {response.status_code}"

    def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        """The answer to one request: a success, or a refusal that is about the object (400, 404 and the like).

        Raises BrokerError: no answer, a wrong password, an answer that RabbitMQ would not give, 5xx to the last.
        """
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        try:
            try:
                return self._once(method, path, content)
            except _TransientError as failure:
                return self._again(failure, method, path, content)
        except _TransientError as failure:
            raise failure.error from None

    def _again(self, failure: "_TransientError", method: str, path: str, content: bytes | None) -> httpx.Response:
        if failure.tries <= 1:
            raise failure
        from tenacity import Retrying, retry_if_exception_type, wait_exponential

        time.sleep(_FIRST_PAUSE)
        retrying = Retrying(
            retry=retry_if_exception_type(_TransientError),
            wait=wait_exponential(multiplier=2 * _FIRST_PAUSE, max=3),
            stop=_is_last_try,
            reraise=True,
        )
        return retrying(self._once, method, path, content)

    def _once(self, method: str, path: str, content: bytes | None) -> httpx.Response:
        if method != "GET" and self.guard is not None:
            self.guard()
        url = f"{self._base}{path}"
        started = time.perf_counter()
        try:
            response = self._client.request(method, url, content=content, headers=_HEADERS)
        except httpx.TransportError as error:
            _logger.info("%s %s failed: %s, %.0f ms", method, url, type(error).__name__, _since(started))
            raise self._transport_failure(error) from error
        except httpx.HTTPError as error:  # an answer that cannot be decoded
            raise not_rabbitmq(self.address, f"its answer cannot be read ({type(error).__name__})") from error
        _logger.info("%s %s %d, %.0f ms", method, url, response.status_code, _since(started))
        self._answered = True
        self._check(response, method, path)
        return response

    def _transport_failure(self, error: httpx.TransportError) -> BrokerError:
        failure = no_answer(error, self.address, answered=self._answered)
        if isinstance(error, httpx.ReadTimeout | httpx.WriteTimeout) or is_hopeless(error):
            return failure
        # A broker that never answered is more likely a wrong URL than one that restarts.
        return _TransientError(failure, tries=_RESTART_TRIES if self._answered else _FIRST_TRIES)

    def _check(self, response: httpx.Response, method: str, path: str) -> None:
        status = response.status_code
        reason = reason_of(response)
        if response.is_success:
            return
        if response.is_redirect:
            raise not_rabbitmq(self.address, f"it redirects to {one_line(response.headers.get('location', ''))}")
        if status == HTTPStatus.UNAUTHORIZED and not is_access_refused(reason):
            raise bad_login(reason, self.address, method, path)
        if response.is_server_error or status == HTTPStatus.TOO_MANY_REQUESTS:
            remedy = (
                "see the broker's log, and try again once that is mended"
                if response.is_server_error
                else "a proxy before it limits requests: try again later"
            )
            failure = ServerError(
                f"{self.address.location} answers {method} {path} with {status}"
                f"{': ' + reason[:300] if reason else ''}; {remedy}",
                status=status,
            )
            raise _TransientError(
                failure, tries=_UNAVAILABLE_TRIES if status in _UNAVAILABLE else _SERVER_ERROR_TRIES
            )
        if not says_rabbitmq(response):
            if status == HTTPStatus.FORBIDDEN:
                raise AccessError(f"{self.address.location} forbids {method} {path}: is there a proxy in between?")
            raise not_rabbitmq(self.address, f"it answers {method} {path} with {status}")

    def _list(self, answer: object, path: str) -> list[Json]:
        if not isinstance(answer, list) or not all(isinstance(entry, dict) for entry in answer):
            raise not_rabbitmq(self.address, f"it answers GET {path} with something else than a list of objects")
        return answer

    def _object(self, answer: object, path: str) -> Json:
        if not isinstance(answer, dict):
            raise not_rabbitmq(self.address, f"it answers GET {path} with something else than an object")
        return answer

    def _get(self, path: str) -> object:
        return self._parsed_success(self.request("GET", path), path)

    def _parsed_success(self, response: httpx.Response, path: str) -> object:
        if not response.is_success:
            raise BrokerError(
                f"{self.address.location} answers GET {path} with {response.status_code}: {reason_of(response)}"
            )
        return self._parsed(response, path)

    def _parsed(self, response: httpx.Response, path: str) -> object:
        try:
            return json.loads(response.content)
        except (ValueError, RecursionError):
            kind = one_line(response.headers.get("content-type", "")) or "no content type"
            answered = "JSON that is cut off or broken" if "json" in kind else f"{kind} instead of JSON"
            raise not_rabbitmq(self.address, f"it answers GET {path} with {answered}") from None


def _url(text: str) -> httpx.URL:
    """A URL whose host can be asked for. Raises UsageError."""
    try:
        url = httpx.URL(text)
        _ = url.host  # decoded only when it is asked for
    except (httpx.InvalidURL, UnicodeError) as error:
        raise UsageError(f"not a valid URL for the management API: {text} ({one_line(str(error))})") from error
    return url


class _TransientError(BrokerError):
    """Worth another try; `error` is for the caller if that is in vain."""

    def __init__(self, error: BrokerError, *, tries: int) -> None:
        super().__init__(str(error))
        self.error = error
        self.tries = tries


def _is_last_try(state: "RetryCallState") -> bool:
    failure = None if state.outcome is None else state.outcome.exception()
    # The first try came before tenacity was needed.
    return isinstance(failure, _TransientError) and state.attempt_number + 1 >= failure.tries


def _since(started: float) -> float:
    return (time.perf_counter() - started) * 1000


def path_of(*segments: str) -> str:
    """The path of these segments, quoted: `/queues/%2F/a.b`."""
    return "".join(f"/{quote(segment, safe='')}" for segment in segments)


def is_addressable(*segments: str) -> bool:
    """Whether the HTTP API can be asked for these names: it takes `.` and `..` out of a path, quoted or not."""
    return not any(segment in {"", ".", ".."} for segment in segments)
