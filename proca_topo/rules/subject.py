"""A topology as the rules look at it: with everything that several of them ask for, made once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue, is_reserved
from proca_topo.topology.policies_in_force import DeadLetters, PoliciesInForce, time_to_live
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes


@dataclass(frozen=True)
class Subject:
    """What the spec describes. `org_name` is the pattern of orgs' names, `orgs` those that have a file."""

    desired: Desired
    org_name: str
    orgs: tuple[str, ...] = ()

    @cached_property
    def routes(self) -> Routes:
        """Where messages go."""
        return Routes(self.desired)

    @property
    def policies(self) -> PoliciesInForce:
        """Which policy is in force."""
        return self.routes.policies

    @cached_property
    def queues(self) -> tuple[Queue, ...]:
        """All queues, with the type that they have on a broker whose default is classic."""
        return tuple(queue.with_type_from("classic") for queue in self.desired.queues.values())

    @cached_property
    def bound_to(self) -> Mapping[str, tuple[Binding, ...]]:
        """The bindings to each queue."""
        return self._by_destination(DestinationType.QUEUE)

    @cached_property
    def bound_to_exchange(self) -> Mapping[str, tuple[Binding, ...]]:
        """The bindings to each exchange."""
        return self._by_destination(DestinationType.EXCHANGE)

    @cached_property
    def dead_letters(self) -> Mapping[str, DeadLetters]:
        """Where each queue's dead letters go, where that is certain and somewhere."""
        certain = ((queue.name, self.policies.dead_letters(queue)) for queue in self.queues)
        return {
            name: letters
            for name, possible in certain
            if len(possible) == 1 and (letters := next(iter(possible))) is not None
        }

    @cached_property
    def delays(self) -> Mapping[str, int]:
        """The queues in which messages expire and are then dead-lettered, and after how many milliseconds."""
        found: dict[str, int] = {}
        for queue in self.queues:
            if queue.name in self.dead_letters:
                times = {time_to_live(queue, policy) for policy in self.policies.possible(queue)}
                if None not in times:
                    found[queue.name] = min(time for time in times if time is not None)
        return found

    @cached_property
    def takes_dead_letters(self) -> frozenset[str]:
        """The exchanges that dead letters are sent to."""
        return frozenset(letters.exchange for letters in self.dead_letters.values())

    def knows(self, exchange: str) -> bool:
        """Whether an exchange is in the spec, or is somebody else's, of which nothing can be said."""
        is_ours = self.desired.ownership.owns_name(exchange)
        return exchange in self.desired.exchanges or is_reserved(exchange) or not is_ours

    def leads_on(self, exchange: Exchange) -> bool:
        """Whether an exchange has a binding, or an alternate exchange."""
        return bool(self.routes.bindings_from(exchange.name) or self.policies.alternates(exchange))

    def reached_by_dead_letters(self, queue: str) -> frozenset[str] | None:
        """The queues that its dead letters reach at once; None where their keys, or an exchange, are not known."""
        letters = self.dead_letters[queue]
        if letters.routing_key is None or (letters.exchange and letters.exchange not in self.desired.exchanges):
            return None
        reached = self.routes.reached(letters.exchange, Message(routing_key=letters.routing_key))
        return None if reached.unknown else reached.queues

    def matched(self, policy: Policy) -> Iterator[Queue]:
        """The queues that a policy is in force on, or may be."""
        return (queue for queue in self.queues if policy in self.in_force.get(queue.name, ()))

    @cached_property
    def in_force(self) -> Mapping[str, tuple[Policy, ...]]:
        """The policies of which one is in force on each queue."""
        if not self.desired.policies:
            return {}
        return {queue.name: found for queue in self.queues if (found := self.policies.candidates(queue))}

    def _by_destination(self, destination_type: DestinationType) -> Mapping[str, tuple[Binding, ...]]:
        found: dict[str, list[Binding]] = defaultdict(list)
        for binding in self.desired.bindings:
            if binding.destination_type is destination_type:
                found[binding.destination].append(binding)
        return {name: tuple(bindings) for name, bindings in found.items()}
