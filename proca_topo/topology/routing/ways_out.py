"""How messages leave a queue but by being consumed, and which queues only wait for that."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from proca_topo.topology.nouns import STREAM, DestinationType, Queue
from proca_topo.topology.policies_in_force import DeadLetters, time_to_live
from proca_topo.topology.routing.routes import Routes, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """What there is to know of one queue.

    `expires` tells whether messages expire in it, `letters` where they go then, or when they are rejected (None:
    nowhere). More than one answer stands where the policy in force is not known. A stream (`keeps_all`) has
    neither. `only_waits`: nobody consumes from it.
    """

    expires: frozenset[bool]
    letters: frozenset[DeadLetters | None]
    keeps_all: bool
    only_waits: bool


class WaysOut:
    """A topology, ready to be asked about its queues. `waiting` are those that only wait in any case."""

    def __init__(self, topology: Topology, routes: Routes, waiting: Collection[str]) -> None:
        self._routes = routes
        self._waiting = waiting
        self._sources: dict[str, set[str]] = defaultdict(set)
        for binding in topology.bindings:
            if binding.destination_type is DestinationType.QUEUE:
                self._sources[binding.destination].add(binding.source)
        self._take_dead_letters = {
            one.exchange
            for name in topology.queues
            if (queue := routes.queue(name)) is not None
            for one in routes.policies.dead_letters(queue)
            if one is not None
        }
        self._found: dict[str, WayOut | None] = {}

    def of(self, name: str) -> WayOut | None:
        """The queue of this name; None if it is not declared."""
        if name not in self._found:
            queue = self._routes.queue(name)
            self._found[name] = None if queue is None else self._way_out(queue)
        return self._found[name]

    def _way_out(self, queue: Queue) -> WayOut:
        policies = self._routes.policies
        keeps_all = queue.type == STREAM
        possible = () if keeps_all else policies.possible(queue)
        expires = frozenset(time_to_live(queue, policy) is not None for policy in possible)
        letters = policies.dead_letters(queue)
        return WayOut(
            expires=expires or frozenset({False}),
            letters=letters,
            keeps_all=keeps_all,
            only_waits=True in expires and letters != {None} and self._is_nobodys(queue.name),
        )

    def _is_nobodys(self, name: str) -> bool:
        """Whether nobody consumes from a queue in which messages expire and are dead-lettered.

        | the queue is                               | it only waits |
        |--------------------------------------------|---------------|
        | what a retry circuit waits in              | yes           |
        | bound, and to what takes dead letters only | yes           |
        | bound to anything else, or to nothing      | no            |
        """
        sources = self._sources.get(name, set())
        return name in self._waiting or (bool(sources) and sources <= self._take_dead_letters)
