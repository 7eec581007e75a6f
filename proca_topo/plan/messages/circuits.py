"""The retry circuit around a queue, read off what exists: spec and org file may long be gone.

Seen from the queue it does not matter how messages got into the circuit: by its own rejections, by a policy that
has gone since, or because somebody publishes there. What matters is who can send dead letters to the queue. So the
search goes backwards: from the queue's bindings to the queues whose dead letters can come in by them, and on.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.nouns import Binding, DestinationType
from proca_topo.topology.policies_in_force import DeadLetters, time_to_live
from proca_topo.topology.routing.topics import topic_matches


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """What can still send a queue messages when nobody publishes any more.

    `waiting` are the queues from which dead letters can reach it, at whatever distance; `ways_back` are its own
    bindings by which they come. Both are empty for a queue that is in no circuit.
    """

    waiting: frozenset[str] = frozenset()
    ways_back: frozenset[Binding] = frozenset()


@dataclass(frozen=True, slots=True)
class Route:
    """What a binding lets through, as far as its exchange's type says: None for everything."""

    exchange_type: str
    routing_key: str

    def admits(self, key: str) -> bool:
        """Whether a message with this key gets through."""
        match self.exchange_type:
            case "topic":
                return topic_matches(self.routing_key, key)
            case "direct":
                return self.routing_key == key
            case _:
                return True

    @property
    def only_key(self) -> str | None:
        """The one key that it lets through, None if there are more."""
        words = self.routing_key.split(".")
        exact = self.exchange_type == "direct" or (self.exchange_type == "topic" and not {"*", "#"} & set(words))
        return self.routing_key if exact else None


_Routes = frozenset[Route]
_Place = tuple[str, _Routes]
"""A queue, and what its dead letters still have to get through."""


def circuit_of(queue: str, index: ExistingIndex, *, stays: bool = False) -> Circuit:
    """The circuit that `queue` is in. A message whose key is not known may have any.

    Of a queue that `stays`, a binding that lets many keys through is no way back if another desired binding takes
    over the same messages: then dead letters are being led elsewhere on purpose. Of a queue that is to go that
    cannot be known: the other binding may as well bring a copy to somebody who only looks on. Unless that leads to
    a queue in which they wait too and come back from: while both had them, each rejection would double a message.
    """
    places, ways_back = _into(queue, index, stays=stays)
    return Circuit(waiting=_all_behind(places, queue, index) - {queue}, ways_back=ways_back)


def sending_to(queue: str, among: AbstractSet[str], index: ExistingIndex) -> AbstractSet[str]:
    """Those of these other queues from which dead letters can reach a queue, at whatever distance.

    It is told sooner than all that are in the circuit: thousands of queues may have one waiting queue together.
    """
    places, _ = _into(queue, index, stays=False)
    others = among - {queue}
    return _all_behind(places, queue, index, until=others) & others


def _into(queue: str, index: ExistingIndex, *, stays: bool) -> tuple[list[_Place], frozenset[Binding]]:
    """The queues whose dead letters come straight into a queue, and the bindings by which they come."""
    ways_back = set()
    places: list[_Place] = [(name, frozenset()) for name in _through_default_exchange(queue, frozenset(), index)]
    for binding in index.by_queue.get(queue, ()):
        if feeding := _feeding(binding, index, stays=stays):
            ways_back.add(binding)
            places += feeding
    return places, frozenset(ways_back)


def comes_back_by(binding: Binding, index: ExistingIndex) -> bool:
    """Whether the dead letters of a queue that stays get back to it by this binding, with the key that they have
    by then.
    """
    queue = binding.destination
    return queue in _all_behind(_feeding(binding, index, stays=True), queue, index)


def _feeding(binding: Binding, index: ExistingIndex, *, stays: bool) -> list[_Place]:
    """The queues, but for its own, whose dead letters come by a binding, and what it lets through."""
    route = route_of(binding, index)
    senders = {
        sender
        for sender, key in _senders(binding.source, frozenset({route}), index)
        if sender != binding.destination
        and not any(
            stays or _waits_instead(other, binding, sender, key, index)
            for other in _taking_over(binding, route, key, index, stays=stays)
        )
    }
    return [(sender, frozenset({route})) for sender in senders]


def _all_behind(
    todo: Iterable[_Place], queue: str, index: ExistingIndex, *, until: AbstractSet[str] | None = None
) -> frozenset[str]:
    """The queues whose dead letters can come to `queue` by way of these places; itself too, if its own can.

    All of them, or some `until` these are among them.
    """
    seen: dict[str, list[_Routes]] = defaultdict(list)
    places = deque(todo)
    while places:
        name, routes = places.popleft()
        # What has less to get through has been followed: more would find nothing that it has not found.
        if any(fewer <= routes for fewer in seen[name]):
            continue
        seen[name].append(routes)
        if until is not None and until <= seen.keys():
            break
        if name != queue:
            places += _behind(name, routes, index)
    return frozenset(seen)


def _behind(queue: str, onward: _Routes, index: ExistingIndex) -> Iterator[tuple[str, _Routes]]:
    """The queues whose dead letters can come into `queue` with a key that gets them on by the `onward` routes."""
    keeps_key = any(letters.routing_key is None for letters in index.dead_letters.get(queue, ()))
    demanded = onward if keeps_key else frozenset()
    for name in _through_default_exchange(queue, demanded, index):
        yield name, demanded
    for binding in index.by_queue.get(queue, ()):
        routes = demanded | {route_of(binding, index)}
        for sender, _ in _senders(binding.source, routes, index):
            yield sender, routes


def _senders(exchange: str, routes: _Routes, index: ExistingIndex) -> Iterator[tuple[str, str | None]]:
    """The queues whose dead letters can get into an exchange with a key that all routes admit, and that key."""
    only = next((key for route in routes if (key := route.only_key) is not None), None)
    for entrance in index.leading_to(exchange):
        known = index.dead_lettering_with(entrance, only) if only is not None else index.keyed_to(entrance)
        for name, key in known:
            if key is None or all(route.admits(key) for route in routes):
                yield name, key


def brings_dead_letters(exchange: str, index: ExistingIndex) -> bool:
    """Whether dead letters of any queue can get into an exchange."""
    return any(entrance in index.dead_lettering_to for entrance in index.leading_to(exchange))


def ahead_of_ways_back(circuits: Mapping[str, Circuit], index: ExistingIndex) -> Mapping[str, frozenset[str]]:
    """The exchanges through which messages come back to queues in these circuits, and to which of them."""
    found: dict[str, set[str]] = defaultdict(set)
    for queue, circuit in circuits.items():
        for source in {binding.source for binding in circuit.ways_back}:
            for exchange in index.leading_to(source):
                found[exchange].add(queue)
    return {exchange: frozenset(queues) for exchange, queues in found.items()}


def _through_default_exchange(queue: str, onward: _Routes, index: ExistingIndex) -> Iterator[str]:
    """The queues that send dead letters straight to this queue's name."""
    if all(route.admits(queue) for route in onward):
        for name, _ in index.dead_lettering_with("", queue):
            yield name


def route_of(binding: Binding, index: ExistingIndex) -> Route:
    """What a binding lets through."""
    exchange = index.existing.exchanges.get(binding.source)
    # A binding of an exchange that was not read, or of a type that looks at more than the key, admits all.
    return Route(exchange.type if exchange is not None else "", binding.routing_key)


def _taking_over(
    binding: Binding, route: Route, key: str | None, index: ExistingIndex, *, stays: bool
) -> Iterator[Binding]:
    """The other desired bindings that take the same messages."""
    if stays and route.only_key is not None:
        return
    others = index.desired_by_source.get(binding.source, ())
    if key is None and route.exchange_type != "fanout":  # not all of thousands that are bound there
        keys = {binding.routing_key, "#"}
        others = tuple(one for alike in keys for one in index.desired_by_key.get((binding.source, alike), ()))
    for other in others:
        if other == binding:
            continue
        same = other.routing_key == binding.routing_key
        everything = route.exchange_type == "fanout" or other.routing_key == "#"
        if same or everything or (key is not None and route_of(other, index).admits(key)):
            yield other


def doubles(new: Binding, old: Binding, index: ExistingIndex) -> bool:
    """Whether what is rejected would wait by both bindings, and come back twice."""
    route = route_of(old, index)
    return any(
        new in _taking_over(old, route, key, index, stays=False) and _waits_instead(new, old, sender, key, index)
        for sender, key in _senders(old.source, frozenset({route}), index)
        if sender != old.destination
    )


def _waits_instead(other: Binding, binding: Binding, sender: str, key: str | None, index: ExistingIndex) -> bool:
    """Whether what the sender rejects waits where the `other` binding leads to, and comes back from there."""
    before, after = index.existing.queues.get(binding.destination), index.then(other.destination)
    if before is None or after is None or other.destination_type is not DestinationType.QUEUE:
        return False
    if any(time_to_live(after, policy) is None for policy in index.desired_in_force.possible(after)):
        return False
    ways = index.desired_in_force.dead_letters(after)
    return None not in ways and (
        ways == index.policies.dead_letters(before)
        or all(way is not None and _leads_to(sender, way, key, index) for way in ways)
    )


def _leads_to(queue: str, way: DeadLetters, key: str | None, index: ExistingIndex) -> bool:
    key = way.routing_key if way.routing_key is not None else key
    return key is not None and any(
        one.destination == queue
        and one.destination_type is DestinationType.QUEUE
        and route_of(one, index).admits(key)
        for one in index.desired_by_source.get(way.exchange, ())
    )
