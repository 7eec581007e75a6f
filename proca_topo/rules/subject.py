"""A topology as the rules look at it: with everything that several of them ask for, made once."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue, is_reserved
from proca_topo.topology.policies_in_force import (
    DeadLetters,
    PoliciesInForce,
    dead_letters,
    keeps_dead_letters,
    time_to_live,
)
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Reached, Routes


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
        found: dict[str, list[Binding]] = defaultdict(list)
        for binding in self.desired.bindings:
            if binding.destination_type is DestinationType.QUEUE:
                found[binding.destination].append(binding)
        return {name: tuple(bindings) for name, bindings in found.items()}

    @cached_property
    def possible(self) -> Mapping[str, tuple[Policy | None, ...]]:
        """The policies of which one is in force on each queue; None is for none."""
        return {queue.name: self.policies.possible(queue) for queue in self.queues}

    @cached_property
    def in_force(self) -> Mapping[str, tuple[Policy, ...]]:
        """The same, of those queues only that have one, or may have."""
        found = {name: [one for one in possible if one] for name, possible in self.possible.items()}
        return {name: tuple(policies) for name, policies in found.items() if policies}

    @cached_property
    def dead_letters(self) -> Mapping[str, DeadLetters]:
        """Where each queue's dead letters go, where that is certain and somewhere."""
        found: dict[str, DeadLetters] = {}
        for queue in self.queues:
            letters = {dead_letters(queue, policy) for policy in self.possible[queue.name]}
            if len(letters) == 1 and (one := letters.pop()) is not None:
                found[queue.name] = one
        return found

    def becomes_of_dead_letters(self, queue: Queue) -> str:
        """What becomes of a queue's dead letters without a way on, as a sentence's end: nothing if dropped."""
        if all(keeps_dead_letters(queue, policy) for policy in self.possible[queue.name]):
            return "; they stay in the queue until there is a way (at-least-once)"
        return ""

    @cached_property
    def delays(self) -> Mapping[str, int]:
        """The queues in which messages expire and are then dead-lettered, and after how many milliseconds."""
        found: dict[str, int] = {}
        for name in self.dead_letters:
            times = [time_to_live(self.desired.queues[name], policy) for policy in self.possible[name]]
            known = [time for time in times if time is not None]
            if len(known) == len(times):
                found[name] = min(known)
        return found

    @cached_property
    def dead_letters_reach(self) -> Mapping[str, frozenset[str]]:
        """The queues that each queue's dead letters reach at once, where that is known.

        Where a headers exchange is on the way it depends on the message, unless it lets through all or nothing.
        """
        found: dict[str, frozenset[str]] = {}
        for name, letters in self.dead_letters.items():
            is_known = letters.exchange == "" or letters.exchange in self.desired.exchanges
            if letters.routing_key is not None and is_known:
                message = Message(routing_key=letters.routing_key, any_headers=True)
                reached = self.routes.reached(letters.exchange, message)
                if not reached.unknown:
                    found[name] = reached.queues
        return found

    @cached_property
    def idle_waiting(self) -> frozenset[str]:
        """The queues of retry circuits in which nothing comes to wait: no dead letters lead to them."""
        reached = frozenset().union(*self.dead_letters_reach.values())
        return frozenset(
            name
            for name in self.desired.waiting - reached
            if all(binding.source not in self.entered for binding in self.bound_to.get(name, ()))
        )

    def after_waiting(self, key: str, waiting: str) -> Reached:
        """What dead letters with this key reach once they have expired in a queue that dead-letters them on."""
        onward = self.dead_letters[waiting]
        key = key if onward.routing_key is None else onward.routing_key
        return self.routes.reached(onward.exchange, Message(routing_key=key, any_headers=True))

    @cached_property
    def entered(self) -> frozenset[str]:
        """The exchanges that messages come to from other exchanges or as dead letters."""
        exchanges = self.desired.exchanges.values()
        bound = (
            one.destination for one in self.desired.bindings if one.destination_type is DestinationType.EXCHANGE
        )
        alternates = (name for exchange in exchanges for name in self.policies.alternates(exchange))
        return frozenset((*bound, *alternates, *(letters.exchange for letters in self.dead_letters.values())))

    def knows(self, exchange: str) -> bool:
        """Whether an exchange is in the spec, or is somebody else's, of which nothing can be said."""
        is_ours = self.desired.ownership.owns_name(exchange)
        return exchange in self.desired.exchanges or is_reserved(exchange) or not is_ours

    def leads_on(self, exchange: Exchange) -> bool:
        """Whether an exchange has a binding, or an alternate exchange."""
        return bool(self.routes.bindings_from(exchange.name) or self.policies.alternates(exchange))
