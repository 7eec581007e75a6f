"""The ways that dead letters, and unroutable messages, take on: who would miss a binding or a queue of them."""

from collections.abc import Callable, Collection
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from proca_topo.plan.circuits import Route, route_of, senders
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.waiting import waiting_queues
from proca_topo.topology.nouns import Binding, DestinationType


@dataclass(frozen=True)
class WaysOn:
    """Questions about what exists; `waiting` are the queues that the spec knows to be those of retry circuits."""

    index: ExistingIndex
    waiting: Collection[str] = ()

    def senders_by_name(self, queue: str, stays: Callable[[str], bool]) -> tuple[str, ...]:
        """The queues that stay and dead-letter to this one by its name, through the default exchange."""
        known = self.index.dead_lettering_with("", queue)
        # Without a key of their own they go back to wherever they were published to: that is no circuit of it.
        return tuple(sorted({name for name, key in known if key is not None and name != queue and stays(name)}))

    def senders_through(
        self, binding: Binding, stays: Callable[[str], bool], *, idle: bool = False
    ) -> tuple[str, ...]:
        """The queues that stay, and whose dead letters would have no way on without this binding.

        `idle` says that nothing waits anywhere to come by it, so that queues for waiting send none.

        | the key of the dead letters | it is the last way on if                                              |
        |-----------------------------|-----------------------------------------------------------------------|
        | any                         | its exchange has no desired binding at all                            |
        | is set, and let through     | no desired binding of its exchange lets that key through              |
        | is kept from before         | it lets many keys through, no desired binding lets through as many,   |
        |                             | and the queue is none in which messages only wait: those have a key   |
        |                             | of the queue that rejected them, whose way back is another matter     |
        """
        route = route_of(binding, self.index)
        found = {
            name
            for name, key in senders(binding.source, frozenset({route}), self.index)
            if stays(name)
            and not (binding.destination_type is DestinationType.QUEUE and name == binding.destination)
            and self._is_last(binding, route, name, key)
        }
        if binding.source not in self.index.desired_by_source:
            direct = self.index.dead_lettering_to.get(binding.source, ())
            found |= {name for name in direct if stays(name) and name != binding.destination}
        return tuple(sorted(found - self._only_waiting if idle else found))

    def alternates_through(self, binding: Binding, stays: Callable[[str], bool]) -> tuple[str, ...]:
        """The exchanges that stay, and have as their alternate one from which messages come to this binding."""
        entrances = self.index.leading_to(binding.source)
        users = {user for entrance in entrances for user in self.index.alternates_to.get(entrance, ())}
        return tuple(sorted(filter(stays, users)))

    def is_keyed_by_queues(self, exchange: str) -> bool:
        """Whether an exchange is bound to queues only, each by its name, as a return exchange is."""
        return exchange not in self._otherwise_bound

    def _is_last(self, binding: Binding, route: Route, sender: str, key: str | None) -> bool:
        others = [one for one in self.index.desired_by_source.get(binding.source, ()) if one != binding]
        if not others:
            return True
        if key is not None:
            return not any(route_of(one, self.index).admits(key) for one in others)
        if route.only_key is not None or sender in self._only_waiting:
            return False
        return not any(_lets_through_as_many(one, binding, route) for one in others)

    @cached_property
    def _otherwise_bound(self) -> Collection[str]:
        bindings = chain(self.index.existing.bindings, self.index.desired)
        return frozenset(binding.source for binding in bindings if not _is_by_name(binding))

    @cached_property
    def _only_waiting(self) -> AbstractSet[str]:
        return waiting_queues(self.index, self.waiting).keys()


def _lets_through_as_many(other: Binding, binding: Binding, route: Route) -> bool:
    if route.exchange_type == "fanout":
        return True
    same = (other.routing_key, other.arguments) == (binding.routing_key, binding.arguments)
    return same or (route.exchange_type == "topic" and other.routing_key == "#")


def _is_by_name(binding: Binding) -> bool:
    return binding.destination_type is DestinationType.QUEUE and binding.routing_key == binding.destination
