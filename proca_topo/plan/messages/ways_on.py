"""The ways that dead letters, and unroutable messages, take on: who would miss a binding or a queue of them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, takewhile

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.circuits import Route, route_of
from proca_topo.plan.messages.waiting import waiting_queues
from proca_topo.topology.nouns import Binding, DestinationType


@dataclass(frozen=True)
class WaysOn:
    """Questions about what exists; `waiting` are the queues that the spec knows to be those of retry circuits."""

    index: ExistingIndex
    waiting: Collection[str] = ()
    _desired: dict[str, "_Desired"] = field(default_factory=dict, init=False)

    def senders_by_name(self, queue: str, stays: Callable[[str], bool]) -> tuple[str, ...]:
        """The queues that stay and dead-letter to this one by its name, through the default exchange."""
        known = self.index.dead_lettering_with("", queue)
        # Without a key of their own they go back to wherever they were published to: that is no circuit of it.
        return tuple(sorted({name for name, key in known if key is not None and name != queue and stays(name)}))

    def senders_through(
        self,
        binding: Binding,
        stays: Callable[[str], bool],
        leaves: Callable[[str], bool],
        is_left: Callable[[Binding], bool],
        *,
        idle: bool = False,
    ) -> tuple[str, ...]:
        """The queues that stay, and whose dead letters would have no way on without this binding.

        `idle` says that nothing waits anywhere to come by it, so that queues for waiting send none; `leaves` tells
        the queues that stay only until they are empty, `is_left` the bindings that dead letters can come here by.

        | the key of the dead letters | it is the last way on if                                              |
        |-----------------------------|-----------------------------------------------------------------------|
        | is set, and let through     | no desired binding of its exchange lets that key through              |
        | is kept from before         | its exchange has no desired binding at all; or it lets many keys      |
        |                             | through, no desired one as many, and the queue leaves: of one that    |
        |                             | is wanted as it is the spec says that these have no way                |
        """
        route = route_of(binding, self.index)
        others = self._desired_from(binding.source).without(binding)
        its_own = binding.destination if binding.destination_type is DestinationType.QUEUE else None

        def is_last_for(sender: str, key: str | None) -> bool:
            if key is not None:
                return not others.admit(key)
            return not others.any or (leaves(sender) and not others.admit_as_many(binding, route))

        found = {
            name
            for entrance in self.index.leading_to(binding.source, is_left)
            for name, key in self._senders(entrance, route, only_keyed=others.any)
            if name != its_own and stays(name) and is_last_for(name, key)
        }
        return tuple(sorted(found - self._only_waiting if idle and found else found))

    def _senders(self, entrance: str, route: Route, *, only_keyed: bool) -> Iterator[tuple[str, str | None]]:
        """The queues that dead-letter to an exchange with a key that the route lets through."""
        only = route.only_key
        if only is None:
            known = self.index.keyed_to(entrance)
            return (sender for sender in known if sender[1] is None or route.admits(sender[1]))
        senders = self.index.dead_lettering_with(entrance, only)
        # Those that keep their keys come last, and can be as many as there are orgs.
        return takewhile(lambda sender: sender[1] is not None, senders) if only_keyed else senders

    def alternates_through(self, binding: Binding, stays: Callable[[str], bool]) -> tuple[str, ...]:
        """The exchanges that stay, and have as their alternate one from which messages come to this binding."""
        entrances = self.index.leading_to(binding.source)
        users = {user for entrance in entrances for user in self.index.alternates_to.get(entrance, ())}
        return tuple(sorted(filter(stays, users)))

    def is_keyed_by_queues(self, exchange: str) -> bool:
        """Whether an exchange is bound to queues only, each by its name, as a return exchange is."""
        return exchange not in self._otherwise_bound

    def _desired_from(self, exchange: str) -> "_Desired":
        if exchange not in self._desired:
            self._desired[exchange] = _Desired.of(self.index.desired_by_source.get(exchange, ()), self.index)
        return self._desired[exchange]

    @cached_property
    def _otherwise_bound(self) -> Collection[str]:
        bindings = chain(self.index.existing.bindings, self.index.desired)
        return frozenset(binding.source for binding in bindings if not _is_by_name(binding))

    @cached_property
    def _only_waiting(self) -> AbstractSet[str]:
        return waiting_queues(self.index, self.waiting).keys()


@dataclass(frozen=True, kw_only=True)
class _Desired:
    """The desired bindings of one exchange: those that let one key through by that, and the others."""

    everything: frozenset[Binding]
    exact: Mapping[str, frozenset[Binding]]
    wide: Mapping[Binding, Route]
    but: Binding | None = None

    @classmethod
    def of(cls, bindings: Collection[Binding], index: ExistingIndex) -> "_Desired":
        exact: dict[str, set[Binding]] = defaultdict(set)
        wide: dict[Binding, Route] = {}
        for binding in bindings:
            route = route_of(binding, index)
            if route.only_key is None:
                wide[binding] = route
            else:
                exact[route.only_key].add(binding)
        return cls(
            everything=frozenset(bindings),
            exact={key: frozenset(found) for key, found in exact.items()},
            wide=wide,
        )

    def without(self, binding: Binding) -> "_Desired":
        """The same but for one."""
        return replace(self, but=binding)

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return len(self.everything) > (self.but in self.everything)

    def admit(self, key: str) -> bool:
        """Whether any lets this key through."""
        return bool(self.exact.get(key, frozenset()) - {self.but}) or any(
            route.admits(key) for one, route in self.wide.items() if one != self.but
        )

    def admit_as_many(self, binding: Binding, route: Route) -> bool:
        """Whether any lets through all that `binding` does, as far as that is easy to see."""
        if route.exchange_type == "fanout":
            return self.any
        alike = {(one.routing_key, one.arguments) for one in self.wide if one != self.but}
        catches_all = route.exchange_type == "topic" and any(key == "#" for key, _ in alike)
        return catches_all or (binding.routing_key, binding.arguments) in alike


def _is_by_name(binding: Binding) -> bool:
    return binding.destination_type is DestinationType.QUEUE and binding.routing_key == binding.destination
