"""What exists, looked up the other way round: who is bound to what, who sends dead letters where."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Where a queue's rejected and expired messages go: the exchange ("" is the default one) and their key."""

    exchange: str
    routing_key: str | None


@dataclass(frozen=True)
class ExistingIndex:
    """Questions to a vhost's listing that would be slow one by one. Everything is computed on first use."""

    existing: Existing

    @cached_property
    def by_source(self) -> Mapping[str, tuple[Binding, ...]]:
        """The bindings of each source exchange."""
        return _grouped(self.existing.bindings, lambda binding: binding.source)

    @cached_property
    def by_queue(self) -> Mapping[str, tuple[Binding, ...]]:
        """The bindings to each queue."""
        return _grouped(self._to(DestinationType.QUEUE), lambda binding: binding.destination)

    @cached_property
    def by_destination_exchange(self) -> Mapping[str, tuple[Binding, ...]]:
        """The bindings to each exchange."""
        return _grouped(self._to(DestinationType.EXCHANGE), lambda binding: binding.destination)

    @cached_property
    def dead_letters(self) -> Mapping[str, DeadLetters]:
        """For each queue that has a dead-letter exchange: which. The argument wins over a policy (measured)."""
        found = {}
        for queue in self.existing.queues.values():
            policy = self.policy_of(queue)
            definition = policy.definition if policy else None
            by_policy = definition.get("dead-letter-exchange") if definition else None
            exchange = queue.dead_letter_exchange if queue.dead_letter_exchange is not None else by_policy
            if exchange is not None:
                key = queue.dead_letter_routing_key
                if key is None and definition:
                    key = definition.get("dead-letter-routing-key")
                found[queue.name] = DeadLetters(exchange=exchange, routing_key=key)
        return found

    @cached_property
    def dead_lettering_to(self) -> Mapping[str, tuple[str, ...]]:
        """The queues that send their dead letters to each exchange."""
        users: dict[str, list[str]] = defaultdict(list)
        for queue, target in self.dead_letters.items():
            users[target.exchange].append(queue)
        return {exchange: tuple(sorted(names)) for exchange, names in users.items()}

    @cached_property
    def alternates_to(self) -> Mapping[str, tuple[str, ...]]:
        """The exchanges that have each exchange as their alternate."""
        users: dict[str, list[str]] = defaultdict(list)
        for exchange in self.existing.exchanges.values():
            alternate = exchange.alternate_exchange
            if alternate is None and (policy := self.policy_of(exchange)) is not None:
                by_policy = policy.definition.get("alternate-exchange")
                alternate = by_policy if isinstance(by_policy, str) else None
            if alternate is not None:
                users[alternate].append(exchange.name)
        return {exchange: tuple(sorted(names)) for exchange, names in users.items()}

    def expires_messages(self, queue: str) -> bool:
        """Whether messages leave this queue by themselves after a time."""
        there = self.existing.queues.get(queue)
        if there is None:
            return False
        policy = self.policy_of(there)
        return "x-message-ttl" in there.arguments or (policy is not None and "message-ttl" in policy.definition)

    def policy_of(self, noun: Queue | Exchange, *, without: str | None = None) -> Policy | None:
        """The one policy in force for a queue or exchange: the highest priority of those that match.

        `without` leaves one policy out by its name, as if it were gone.
        """
        matching = [p for p, regex in self._patterns if p.name != without and applies(p, regex, noun)]
        return max(matching, key=lambda policy: policy.priority, default=None)

    def reached_from(self, exchange: str) -> frozenset[str]:
        """The exchange itself and all that exchange-to-exchange bindings can lead to from it."""
        seen = {exchange}
        todo = [exchange]
        while todo:
            for binding in self.by_source.get(todo.pop(), ()):
                if binding.destination_type is DestinationType.EXCHANGE and binding.destination not in seen:
                    seen.add(binding.destination)
                    todo.append(binding.destination)
        return frozenset(seen)

    def queues_behind(self, exchange: str) -> frozenset[str]:
        """Every queue that a message in this exchange may reach, whatever its key."""
        return frozenset(
            binding.destination
            for source in self.reached_from(exchange)
            for binding in self.by_source.get(source, ())
            if binding.destination_type is DestinationType.QUEUE
        )

    def _to(self, destination_type: DestinationType) -> Iterator[Binding]:
        return (b for b in self.existing.bindings if b.destination_type is destination_type)

    @cached_property
    def _patterns(self) -> tuple[tuple[Policy, re.Pattern[str] | None], ...]:
        return tuple((policy, compiled(policy.pattern)) for policy in self.existing.policies.values())


def _grouped(bindings: Iterable[Binding], key: Callable[[Binding], str]) -> Mapping[str, tuple[Binding, ...]]:
    groups: dict[str, list[Binding]] = defaultdict(list)
    for binding in bindings:
        groups[key(binding)].append(binding)
    return {name: tuple(group) for name, group in groups.items()}


def compiled(pattern: str) -> re.Pattern[str] | None:
    """RabbitMQ's patterns are PCRE; the few that Python cannot read count as matching everything, to be safe."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def applies(policy: Policy, pattern: re.Pattern[str] | None, noun: Queue | Exchange) -> bool:
    """Whether a policy, its pattern compiled, is for this queue or exchange."""
    match noun:
        case Queue():
            kinds = {"all", "queues", f"{noun.type}_queues" if noun.type != "stream" else "streams"}
        case Exchange():
            kinds = {"all", "exchanges"}
    return policy.apply_to in kinds and (pattern is None or pattern.search(noun.name) is not None)
