"""The ways of messages before and afterwards."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from proca_topo.plan.impact.facts import Leaving, LeavingImpact, RouteImpact
from proca_topo.plan.impact.touched import Touched, touched_by
from proca_topo.topology.nouns import Binding, is_for_our_use
from proca_topo.topology.policies_in_force import DeadLetters
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes
from proca_topo.topology.routing.topics import topic_matches


@dataclass(frozen=True)
class Comparison:
    """Two topologies, to be asked which messages go another way in the second.

    `shapes` are those of routing keys. `is_partial` says that not all bindings were read.
    """

    before: Routes
    after: Routes
    shapes: Mapping[str, Sequence[str]]
    is_partial: bool

    def types(self, exchange: str) -> tuple[str, ...]:
        """The type of an exchange, or both if it changes."""
        found = (routes.exchanges.get(exchange) for routes in (self.before, self.after))
        return tuple(dict.fromkeys(one.type for one in found if one is not None))

    def routes(self, exchange: str, bindings: Iterable[Binding]) -> list[RouteImpact]:
        """The messages let through by these bindings of an exchange to which something else happens.

        Of those that a general one stands for, only if it is not the same that happens to that one.
        """
        found: dict[tuple[str, str], RouteImpact] = {}
        general: list[tuple[str, RouteImpact]] = []
        both, shape = (self.before, self.after), self.shapes.get(exchange)
        touched = [
            one
            for exchange_type in self.types(exchange)
            for binding in bindings
            for one in touched_by(binding, exchange_type, both, shape)
        ]
        for one in sorted(touched, key=lambda one: not one.is_general):
            impact = self._of_message(exchange, one)
            key = one.message.routing_key
            if one.is_general:
                general.append((one.key or "", impact))
            else:
                alike = (other for pattern, other in general if topic_matches(pattern, key))
                if any(_what_happens(other) == _what_happens(impact) for other in alike):
                    continue
            if impact.before != impact.after:
                found[key, repr(impact.headers)] = impact
        return list(found.values())

    @cached_property
    def dead_letters(self) -> Mapping[str, LeavingImpact]:
        """The queues that stay, and whose dead letters go another way."""
        stay = sorted(self.before.queues.keys() & self.after.queues.keys())
        return {name: impact for name in stay if (impact := self.dead_letters_of(name, name)) is not None}

    def dead_letters_of(self, was: str, name: str) -> LeavingImpact | None:
        """The same of one queue, by its name before and afterwards."""
        before, after = self._dead_letters(self.before, was), self._dead_letters(self.after, name)
        if before == after:
            return None
        return LeavingImpact(leaving=Leaving.DEAD_LETTERS, name=name, before=before, after=after)

    @cached_property
    def unrouted(self) -> Mapping[str, LeavingImpact]:
        """The exchanges that stay, and whose alternate exchange is another one."""
        stay = sorted(self.before.exchanges.keys() & self.after.exchanges.keys())
        both = ((name, _alternates(self.before, name), _alternates(self.after, name)) for name in stay)
        return {
            name: LeavingImpact(leaving=Leaving.UNROUTED, name=name, before=before, after=after)
            for name, before, after in both
            if before != after
        }

    def _of_message(self, exchange: str, one: Touched) -> RouteImpact:
        before, after = (
            _shown(routes.reached(exchange, one.message).queues) for routes in (self.before, self.after)
        )
        return RouteImpact(
            exchange=exchange,
            key=one.key,
            headers=one.message.headers,
            looks_at_headers="headers" in self.types(exchange),
            before=before,
            after=after,
        )

    def _dead_letters(self, routes: Routes, name: str) -> tuple[str, ...]:
        """Where a queue's dead letters come to; all possibilities where the policy in force is not known."""
        queue = routes.queue(name)
        if queue is None:
            return ()
        letters = routes.policies.dead_letters(queue)
        return _shown(place for one in letters if one is not None for place in self._places(routes, one))

    def _places(self, routes: Routes, letters: DeadLetters) -> Iterable[str]:
        if letters.routing_key is None or self.is_partial:
            return (_exchange(letters.exchange),)
        return routes.reached(letters.exchange, Message(routing_key=letters.routing_key)).queues


def _what_happens(impact: RouteImpact) -> tuple[object, ...]:
    return impact.lost, impact.gained, bool(impact.before), bool(impact.after)


def _alternates(routes: Routes, name: str) -> tuple[str, ...]:
    return tuple(_exchange(one) for one in sorted(routes.policies.alternates(routes.exchanges[name])))


def _exchange(name: str) -> str:
    return f"exchange {name}" if name else "the default exchange"


def _shown(names: Iterable[str]) -> tuple[str, ...]:
    """Sorted, without the queues that a replacement under way uses."""
    return tuple(sorted(name for name in set(names) if not is_for_our_use(name)))
