"""What exists, looked up the other way round: who is bound to what, who sends dead letters where."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self, TypeVar

from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.policies_in_force import DeadLetters, PoliciesInForce, dead_letters

K = TypeVar("K")


@dataclass(frozen=True)
class ExistingIndex:
    """Questions to a vhost's listing that would be slow one by one. Everything is computed on first use.

    Where dead letters go, and what an exchange cannot route, is told as it is now and as it will be with
    `policies_then`.
    """

    existing: Existing
    desired: Collection[Binding] = ()
    desired_queues: Mapping[str, Queue] = field(default_factory=dict)
    desired_policies: Mapping[str, Policy] = field(default_factory=dict)
    policies_then: Mapping[str, Policy] | None = None

    @classmethod
    def on_the_way_to(
        cls, desired: Desired, existing: Existing, *, policies_then: Mapping[str, Policy] | None = None
    ) -> Self:
        """With all that is desired, and not its bindings alone."""
        return cls(existing, desired.bindings, desired.queues, desired.policies, policies_then)

    def then(self, queue: str) -> Queue | None:
        """A queue as it is once everything is declared; None if there is none."""
        return self.desired_queues.get(queue) or self.existing.queues.get(queue)

    @cached_property
    def desired_by_source(self) -> Mapping[str, tuple[Binding, ...]]:
        """The desired bindings of each source exchange."""
        return _grouped(self.desired, lambda binding: binding.source)

    @cached_property
    def desired_by_key(self) -> Mapping[tuple[str, str], tuple[Binding, ...]]:
        """The desired bindings of each source exchange with each routing key."""
        return _grouped(self.desired, lambda binding: (binding.source, binding.routing_key))

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
            candidates = (policy for policies in self._in_force for policy in policies.candidates(queue))
            letters = {dead_letters(queue, policy) for policy in (*candidates, None)}
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

    def leading_to(self, exchange: str, by: Callable[[Binding], bool] = lambda _: True) -> frozenset[str]:
        """The exchange itself and all from which a message can come to it, as their alternate too, `by` bindings
        that are to be counted.
        """
        seen = {exchange}
        todo = [exchange]
        while todo:
            name = todo.pop()
            bound = {binding.source for binding in self.by_destination_exchange.get(name, ()) if by(binding)}
            ahead = (bound | set(self.alternates_to.get(name, ()))) - seen
            seen |= ahead
            todo += ahead
        return frozenset(seen)

    @cached_property
    def alternates_to(self) -> Mapping[str, tuple[str, ...]]:
        """The exchanges that have each exchange as their alternate."""
        users: dict[str, list[str]] = defaultdict(list)
        for exchange in self.existing.exchanges.values():
            for name in frozenset().union(*(one.alternates(exchange) for one in self._in_force)):
                users[name].append(exchange.name)
        return {exchange: tuple(sorted(names)) for exchange, names in users.items()}

    def policy_of(self, noun: Queue | Exchange, *, without: str | None = None) -> Policy | None:
        """The policy that is certain to be in force, None if there is none (`PoliciesInForce.policy_of`)."""
        return self.policies.policy_of(noun, without=without)

    def candidates(self, noun: Queue | Exchange, *, without: str | None = None) -> tuple[Policy, ...]:
        """The policies of which one is in force (`PoliciesInForce.candidates`)."""
        return self.policies.candidates(noun, without=without)

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
    def desired_in_force(self) -> PoliciesInForce:
        """Which policy is in force once everything is declared."""
        return PoliciesInForce({**self.existing.policies, **self.desired_policies}.values())

    @cached_property
    def policies(self) -> PoliciesInForce:
        """Which policy is in force."""
        return PoliciesInForce(self.existing.policies.values())

    @cached_property
    def _in_force(self) -> tuple[PoliciesInForce, ...]:
        if self.policies_then is None or self.policies_then == self.existing.policies:
            return (self.policies,)
        return self.policies, PoliciesInForce(self.policies_then.values())


def _grouped(bindings: Iterable[Binding], key: Callable[[Binding], K]) -> Mapping[K, tuple[Binding, ...]]:
    groups: dict[K, list[Binding]] = defaultdict(list)
    for binding in bindings:
        groups[key(binding)].append(binding)
    return {name: tuple(group) for name, group in groups.items()}
