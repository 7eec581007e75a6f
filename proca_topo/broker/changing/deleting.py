"""Deleting through the management API, and over AMQP what the API cannot be asked for."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, assert_never

from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.http.errors import ServerError, is_access_refused
from proca_topo.broker.http.parallel import each
from proca_topo.broker.http.properties_key import ends_path, has_path, properties_key
from proca_topo.broker.permissions import refused_to
from proca_topo.broker.protocol import Failure, Progress
from proca_topo.broker.reading.listing import list_bindings
from proca_topo.errors import AccessError, BrokerError
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import CLASSIC, Binding, Exchange, Noun, Policy, Queue

_IF_IDLE: Final = "?if-empty=true&if-unused=true"
# For an exchange: only if it is the source of no binding. Somebody may have bound a queue since it was looked at.
_IF_UNUSED: Final = "?if-unused=true"


@dataclass(frozen=True, kw_only=True)
class Deleting:
    """One call's way of deleting what was seen in one vhost."""

    api: ManagementApi
    pool: ThreadPoolExecutor
    existing: Existing
    progress: Progress

    def delete(self, nouns: Sequence[Noun]) -> list[Failure]:
        """Delete them all, in any order. What is gone already is no failure."""
        over_http = [noun for noun in nouns if not self._needs_amqp(noun)]
        over_amqp = [noun for noun in nouns if self._needs_amqp(noun)]
        failures = [failure for failure in each(self.pool, self._delete, over_http) if failure is not None]
        return [*failures, *(self._delete_over_amqp(over_amqp) if over_amqp else ())]

    def _needs_amqp(self, noun: Noun) -> bool:
        if isinstance(noun, Binding):
            return not is_addressable(noun.source, noun.destination) or any(
                not has_path(noun, key) for key in self.existing.bindings.get(noun, ())
            )
        return not is_addressable(noun.name)

    def _delete(self, noun: Noun) -> Failure | None:
        try:
            reasons = [reason for path in self._paths(noun) if (reason := self.api.delete(path)) is not None]
        except (AccessError, ServerError) as error:
            return Failure(noun=noun, reason=str(error))
        if reasons and is_access_refused(reasons[0]):
            user = self.api.address.username
            return Failure(noun=noun, reason=refused_to(user, self.existing.vhost, noun, doing="delete"))
        if reasons:
            return Failure(noun=noun, reason=reasons[0])
        self.progress(1)
        return None

    def _paths(self, noun: Noun) -> Sequence[str]:
        vhost = self.existing.vhost
        match noun:
            case Queue():
                there = self.existing.queues.get(noun.name, noun)
                # Quorum queues refuse these flags, streams ignore them (measured on 3.10, 4.0 and 4.3).
                condition = _IF_IDLE if there.type in {CLASSIC, None} else ""
                return [path_of("queues", vhost, noun.name) + condition]
            case Exchange():
                return [path_of("exchanges", vhost, noun.name) + _IF_UNUSED]
            case Policy():
                return [path_of("policies", vhost, noun.name)]
            case Binding():
                return [ends_path(vhost, noun) + path_of(key) for key in self._keys(noun)]
            case _:
                assert_never(noun)

    def _keys(self, binding: Binding) -> Sequence[str]:
        if known := self.existing.bindings.get(binding, ()):
            return known
        key = properties_key(binding)
        if key is not None and has_path(binding, key):
            return [key]
        return list_bindings(self.api, ends_path(self.existing.vhost, binding)).get(binding, ())

    def _delete_over_amqp(self, nouns: Sequence[Noun]) -> list[Failure]:
        from proca_topo.broker.amqp.client import delete

        try:
            failures = delete(self.api.address, self.existing.vhost, nouns)
        except BrokerError as error:
            reason = f"its name or key is '.' or '..', which can only be deleted over AMQP, and {error}"
            return [Failure(noun=noun, reason=reason) for noun in nouns]
        self.progress(len(nouns) - len(failures))
        return failures
