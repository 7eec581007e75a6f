"""What exists, looked up the other way round: who is bound to what, who sends dead letters where."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import STREAM, Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.policy_patterns import PolicyPattern, compiled


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Where a queue's rejected and expired messages go: the exchange ("" is the default one) and their key."""

    exchange: str
    routing_key: str | None


@dataclass(frozen=True)
class ExistingIndex:
    """Questions to a vhost's listing that would be slow one by one. Everything is computed on first use."""

    existing: Existing
    desired: Collection[Binding] = ()

    @cached_property
    def desired_by_source(self) -> Mapping[str, tuple[Binding, ...]]:
        """The desired bindings of each source exchange."""
        return _grouped(self.desired, lambda binding: binding.source)

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
    def dead_letters(self) -> Mapping[str, tuple[DeadLetters, ...]]:
        """For each queue that has a dead-letter exchange: which. An argument wins over a policy (measured).

        More than one where it cannot be told which policy is in force.
        """
        found = {}
        for queue in self.existing.queues.values():
            letters = {_dead_letters(queue, policy) for policy in (*self.candidates(queue), None)}
            if queue.dead_letter_exchange is not None or len(letters) > 1:
                found[queue.name] = tuple(one for one in letters if one is not None)
        return {name: letters for name, letters in found.items() if letters}

    @cached_property
    def dead_lettering_to(self) -> Mapping[str, tuple[str, ...]]:
        """The queues that send their dead letters to each exchange."""
        users: dict[str, set[str]] = defaultdict(set)
        for queue, targets in self.dead_letters.items():
            for target in targets:
                users[target.exchange].add(queue)
        return {exchange: tuple(sorted(names)) for exchange, names in users.items()}

    def keyed_to(self, exchange: str) -> Iterator[tuple[str, str | None]]:
        """The queues that send dead letters to an exchange, and the key they get (None: they keep theirs)."""
        for key, names in self._by_letters.get(exchange, {}).items():
            yield from ((name, key) for name in names)

    def dead_lettering_with(self, exchange: str, key: str) -> Iterator[tuple[str, str | None]]:
        """The same, of those only whose dead letters get this key or keep theirs."""
        keyed = self._by_letters.get(exchange, {})
        for wanted in (key, None):
            yield from ((name, wanted) for name in keyed.get(wanted, ()))

    @cached_property
    def _by_letters(self) -> Mapping[str, Mapping[str | None, list[str]]]:
        """The queues that send dead letters, by exchange and then by the key that they get."""
        groups: dict[str, dict[str | None, list[str]]] = defaultdict(lambda: defaultdict(list))
        for queue, targets in self.dead_letters.items():
            for target in targets:
                groups[target.exchange][target.routing_key].append(queue)
        return groups

    def leading_to(self, exchange: str) -> frozenset[str]:
        """The exchange itself and all from which a message can come to it, as their alternate too."""
        seen = {exchange}
        todo = [exchange]
        while todo:
            name = todo.pop()
            bound = {binding.source for binding in self.by_destination_exchange.get(name, ())}
            ahead = (bound | set(self.alternates_to.get(name, ()))) - seen
            seen |= ahead
            todo += ahead
        return frozenset(seen)

    @cached_property
    def alternates_to(self) -> Mapping[str, tuple[str, ...]]:
        """The exchanges that have each exchange as their alternate."""
        users: dict[str, list[str]] = defaultdict(list)
        for exchange in self.existing.exchanges.values():
            alternate = exchange.alternate_exchange
            by_policy = (policy.definition.get("alternate-exchange") for policy in self.candidates(exchange))
            for name in {alternate} if alternate is not None else set(by_policy):
                if isinstance(name, str):
                    users[name].append(exchange.name)
        return {exchange: tuple(sorted(names)) for exchange, names in users.items()}

    def policy_of(self, noun: Queue | Exchange, *, without: str | None = None) -> Policy | None:
        """The policy of the highest priority that is certain to match, None if there is none.

        `without` leaves one policy out by its name, as if it were gone.
        """
        certain = [policy for policy, regex in self._matching(noun, without) if regex.is_certain_of(noun.name)]
        return max(certain, key=lambda policy: policy.priority, default=None)

    def candidates(self, noun: Queue | Exchange, *, without: str | None = None) -> tuple[Policy, ...]:
        """The policies of which one is in force: more than one where Python cannot tell what RabbitMQ would match,
        or where several have the highest priority.
        """
        certain = self.policy_of(noun, without=without)
        least = certain.priority if certain is not None else None
        return tuple(p for p, _ in self._matching(noun, without) if least is None or p.priority >= least)

    def _matching(self, noun: Queue | Exchange, without: str | None) -> list[tuple[Policy, PolicyPattern]]:
        return [(p, regex) for p, regex in self._patterns if p.name != without and applies(p, regex, noun)]

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
    def _patterns(self) -> tuple[tuple[Policy, PolicyPattern], ...]:
        return tuple((policy, compiled(policy.pattern)) for policy in self.existing.policies.values())


def _grouped(bindings: Iterable[Binding], key: Callable[[Binding], str]) -> Mapping[str, tuple[Binding, ...]]:
    groups: dict[str, list[Binding]] = defaultdict(list)
    for binding in bindings:
        groups[key(binding)].append(binding)
    return {name: tuple(group) for name, group in groups.items()}


def _dead_letters(queue: Queue, policy: Policy | None) -> DeadLetters | None:
    exchange = queue.dead_letter_exchange
    key = queue.dead_letter_routing_key
    if policy is not None:
        exchange = exchange if exchange is not None else policy.definition.get("dead-letter-exchange")
        key = key if key is not None else policy.definition.get("dead-letter-routing-key")
    return DeadLetters(exchange=exchange, routing_key=key) if isinstance(exchange, str) else None


def applies(policy: Policy, pattern: PolicyPattern, noun: Queue | Exchange) -> bool:
    """Whether a policy, its pattern compiled, is for this queue or exchange."""
    match noun:
        case Queue():
            kinds = {"all", "queues", f"{noun.type}_queues" if noun.type != STREAM else "streams"}
        case Exchange():
            kinds = {"all", "exchanges"}
    return policy.apply_to in kinds and pattern.may_match(noun.name)
