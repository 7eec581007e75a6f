"""Declaring through the management API: in bulk by importing definitions, one by one to learn reasons."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, assert_never

from proca_topo.broker.changing.policy_refusals import policy_refusal
from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.http.errors import ServerError, is_access_refused, reason_of
from proca_topo.broker.http.parallel import each
from proca_topo.broker.http.properties_key import ends_path
from proca_topo.broker.permissions import refused_to
from proca_topo.broker.protocol import Failure, Progress
from proca_topo.broker.wire import entry_of
from proca_topo.errors import AccessError, VhostMissingError
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Kind, Noun, Policy, Queue, kind_of

_FEW: Final = 20
"""So many are declared one by one straight away, because that tells why one is refused."""

# An import costs 0.2 s before it does anything. A connection on which nothing comes for 60 s is closed by RabbitMQ
# itself (management.tcp.idle_timeout), in the middle of an import too.
_CHUNK: Final = 5_000
_HIDES_BINDINGS: Final = (
    "a binding with '~' in its key and with arguments makes RabbitMQ unable to list the vhost's bindings"
    " or to export its definitions (measured on 3.10, 4.0 and 4.3): use another key"
)
_NOT_FOUND: Final = "Not Found"
_SECTIONS: Final = {
    Kind.EXCHANGE: "exchanges",
    Kind.QUEUE: "queues",
    Kind.BINDING: "bindings",
    Kind.POLICY: "policies",
}


@dataclass(frozen=True, kw_only=True)
class Declaring:
    """One call's way of declaring in one vhost."""

    api: ManagementApi
    pool: ThreadPoolExecutor
    vhost: str
    default_queue_type: str
    progress: Progress

    def declare(self, nouns: Sequence[Noun]) -> list[Failure]:
        """Declare them all. The failures are those that RabbitMQ reports; an import reports few."""
        harmful = [noun for noun in nouns if _hides_bindings(noun)]
        one_by_one: list[Noun] = [noun for noun in nouns if isinstance(noun, Policy)]
        in_bulk: list[Noun] = [
            noun for noun in nouns if not isinstance(noun, Policy) and not _hides_bindings(noun)
        ]
        if len(in_bulk) <= _FEW:
            one_by_one, in_bulk = [*in_bulk, *one_by_one], []
        for start in range(0, len(in_bulk), _CHUNK):
            chunk = in_bulk[start : start + _CHUNK]
            if self._imports(chunk):
                self.progress(len(chunk))
            else:
                one_by_one = [*chunk, *one_by_one]
        failures = [failure for failure in each(self.pool, self._declare, one_by_one) if failure is not None]
        return [*failures, *(Failure(noun=noun, reason=_HIDES_BINDINGS) for noun in harmful)]

    def _imports(self, chunk: Sequence[Noun]) -> bool:
        """Whether RabbitMQ took the whole chunk, or at least says so.

        If one object is bad the others may or may not be there, some after the answer. An import is for
        administrators. In all these cases declaring one by one does what can be done and tells what cannot.
        """
        try:
            response = self.api.request("POST", path_of("definitions", self.vhost), self._definitions(chunk))
        except (AccessError, ServerError):
            return False
        return response.is_success

    def _definitions(self, chunk: Iterable[Noun]) -> dict[str, list[dict[str, Any]]]:
        sections: dict[str, list[dict[str, Any]]] = {}
        for noun in chunk:
            sections.setdefault(_SECTIONS[kind_of(noun)], []).append(entry_of(noun, self.default_queue_type))
        return sections

    def _declare(self, noun: Noun) -> Failure | None:
        failure = self._declare_or_say_why(noun)
        if failure is None:
            self.progress(1)
        return failure

    def _declare_or_say_why(self, noun: Noun) -> Failure | None:
        method, path = self._request_for(noun)
        body = entry_of(noun, self.default_queue_type)
        if path is None:
            method, path, body = "POST", path_of("definitions", self.vhost), self._definitions([noun])
        try:
            response = self.api.request(method, path, body)
        except (AccessError, ServerError) as error:
            return Failure(noun=noun, reason=str(error))
        if response.is_success:
            return None
        reason = reason_of(response)
        if is_access_refused(reason):
            user = self.api.address.username
            return Failure(noun=noun, reason=refused_to(user, self.vhost, noun, doing="declare"))
        if response.status_code == HTTPStatus.NOT_FOUND and reason == _NOT_FOUND:
            raise VhostMissingError(f"there is no vhost {shown(self.vhost)!r} on {self.api.address.location}")
        if isinstance(noun, Policy):
            reason = policy_refusal(noun, reason)
        return Failure(noun=noun, reason=reason or f"the broker answers {response.status_code}")

    def _request_for(self, noun: Noun) -> tuple[str, str | None]:
        match noun:
            case Exchange() | Queue() | Policy():
                section = _SECTIONS[kind_of(noun)]
                return "PUT", path_of(section, self.vhost, noun.name) if is_addressable(noun.name) else None
            case Binding():
                addressable = is_addressable(noun.source, noun.destination)
                return "POST", ends_path(self.vhost, noun) if addressable else None
            case _:
                assert_never(noun)


def _hides_bindings(noun: Noun) -> bool:
    return isinstance(noun, Binding) and noun.hides_others
