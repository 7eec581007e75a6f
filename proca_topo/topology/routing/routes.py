"""The way of a message through exchanges, as far as queues."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from proca_topo.topology.nouns import CLASSIC, Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce
from proca_topo.topology.routing.matching import HeadersMatching, Matching, Message, TopicMatching, matching_for

DEFAULT_EXCHANGE: Final = ""


class Topology(Protocol):
    """What routes messages: a spec's `Desired` and a broker's `Existing` both are one."""

    @property
    def exchanges(self) -> Mapping[str, Exchange]:
        """By name."""

    @property
    def queues(self) -> Mapping[str, Queue]:
        """By name."""

    @property
    def bindings(self) -> Iterable[Binding]:
        """Of all sources but the default exchange."""

    @property
    def policies(self) -> Mapping[str, Policy]:
        """By name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """What one exchange does with a message.

    `bindings` are those that let it through. `alternates` are the exchanges it goes to if there are none: one,
    or several where the policy in force is not known. `missing` says that there is no such exchange,
    `unknown_type` that it is of a plugin's type, which decides by itself. `is_unsure`: it asks for headers that
    the message may have, so that there may be more bindings, and alternates only if there are not.
    """

    exchange: str
    bindings: tuple[Binding, ...] = ()
    alternates: tuple[str, ...] = ()
    missing: bool = False
    unknown_type: str | None = None
    is_unsure: bool = False

    @property
    def is_known(self) -> bool:
        """Whether this is all that the exchange does with the message."""
        return self.unknown_type is None and not self.is_unsure


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The queues that a message gets to at once. `unknown` are exchanges on its way that may lead to more."""

    queues: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()


class Routes:
    """A topology, ready to be asked for the way of any message. What an exchange needs is made on first use.

    `others` are the names of queues that are there all the same: the default exchange leads to them too.
    """

    def __init__(
        self, topology: Topology, *, default_queue_type: str = CLASSIC, others: Collection[str] = ()
    ) -> None:
        self.exchanges = topology.exchanges
        self.queues = topology.queues
        self.policies = PoliciesInForce(topology.policies.values())
        self.others = others
        self._default_queue_type = default_queue_type
        by_source: dict[str, list[Binding]] = defaultdict(list)
        for binding in topology.bindings:
            by_source[binding.source].append(binding)
        self._bindings: Mapping[str, list[Binding]] = by_source
        self._matching: dict[str, Matching | None] = {}
        self._alternates: dict[str, tuple[str, ...]] = {}

    def queue(self, name: str) -> Queue | None:
        """A queue with the type that it has on the broker."""
        queue = self.queues.get(name)
        return None if queue is None else queue.with_type_from(self._default_queue_type)

    def bindings_from(self, exchange: str) -> tuple[Binding, ...]:
        """All bindings of one source."""
        return tuple(self._bindings.get(exchange, ()))

    def hop(self, exchange: str, message: Message) -> Hop:
        """What this exchange does with the message. For the default exchange: a binding with each queue's name."""
        if exchange == DEFAULT_EXCHANGE:
            to = (key for key in message.keys if key in self.queues or key in self.others)
            bound = tuple(Binding(source="", destination=key, routing_key=key) for key in to)
            return Hop(exchange=exchange, bindings=bound)
        known = self.exchanges.get(exchange)
        if known is None:
            return Hop(exchange=exchange, missing=True)
        matching = self._matching_of(known)
        if matching is None:
            return Hop(exchange=exchange, unknown_type=known.type)
        bindings = tuple(matching.matching(message))
        is_unsure = isinstance(matching, HeadersMatching) and matching.is_unsure(message)
        alternates = () if bindings or is_unsure else self._alternates_of(known)
        return Hop(exchange=exchange, bindings=bindings, alternates=alternates, is_unsure=is_unsure)

    def reached(self, exchange: str, message: Message) -> Reached:
        """The queues that a message gets to when it is published to this exchange.

        RabbitMQ asks each exchange once, however many ways lead there. An exchange that finds no binding hands the
        message on to its alternate exchange, wherever on the way it is.
        """
        queues: set[str] = set()
        unknown: set[str] = set()
        seen, todo = {exchange}, [exchange]
        while todo:
            hop = self.hop(todo.pop(), message)
            if not hop.is_known:
                unknown.add(hop.exchange)
            ahead = list(hop.alternates)
            for binding in hop.bindings:
                if binding.destination_type is DestinationType.QUEUE:
                    queues.add(binding.destination)
                else:
                    ahead.append(binding.destination)
            for name in ahead:
                if name not in seen:
                    seen.add(name)
                    todo.append(name)
        return Reached(queues=frozenset(queues), unknown=frozenset(unknown))

    def keys_shared_with(self, exchange: str, pattern: str) -> Iterator[str]:
        """Keys that a topic pattern shares with the bindings of an exchange (`TopicTrie.shared_with`)."""
        known = self.exchanges.get(exchange)
        matching = None if known is None else self._matching_of(known)
        return matching.keys_shared_with(pattern) if isinstance(matching, TopicMatching) else iter(())

    def _matching_of(self, exchange: Exchange) -> Matching | None:
        if exchange.name not in self._matching:
            self._matching[exchange.name] = matching_for(exchange.type, self._bindings.get(exchange.name, ()))
        return self._matching[exchange.name]

    def _alternates_of(self, exchange: Exchange) -> tuple[str, ...]:
        if exchange.name not in self._alternates:
            self._alternates[exchange.name] = tuple(sorted(self.policies.alternates(exchange)))
        return self._alternates[exchange.name]
