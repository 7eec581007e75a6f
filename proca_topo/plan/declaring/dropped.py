"""Queues that would get messages while what is to take their dead letters on is not there: it would be dropped.

A binding that carries dead letters is made all the same: what waits in its circuit would be dropped without it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter, itemgetter

from proca_topo.plan.changes import Change, Declare, Replace, Update
from proca_topo.plan.declaring.alternates import NOT_ALL
from proca_topo.plan.declaring.needs_first import handed_on, needs_first
from proca_topo.plan.declaring.new_queues import Fate, fate
from proca_topo.plan.declaring.order import At, DeclaringOrder, Node
from proca_topo.plan.impact.afterwards import Vhost
from proca_topo.plan.messages.circuits import Route
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Kind, Noun, Policy, Queue, is_reserved
from proca_topo.topology.policies_in_force import DeadLetters, PoliciesInForce


def dead_letter_carriers(existing: Existing, desired: Desired) -> frozenset[str]:
    """The exchanges that dead letters pass through: bound first, so that the first rejection finds its way.

    What exists counts too: a plan for single orgs does not have the circuits that all orgs share.
    """
    queues = (*desired.queues.values(), *existing.queues.values())
    return taking_dead_letters(queues, (*desired.policies.values(), *existing.policies.values()))


def taking_dead_letters(queues: Iterable[Queue], policies: Iterable[Policy]) -> frozenset[str]:
    """The exchanges to which these queues and policies lead dead letters."""
    by_policy = (policy.definition.get("dead-letter-exchange") for policy in policies)
    by_argument = (queue.dead_letter_exchange for queue in queues)
    return frozenset(exchange for exchange in (*by_argument, *by_policy) if exchange is not None)


def fed_with_ways_on(changes: Sequence[Change], existing: Existing, desired: Desired) -> list[Change]:
    """The changes, what feeds a queue held back whose dead letters would have no way on once all is declared.

    RabbitMQ drops them without a word. The rest of a circuit that all orgs share is no part of a plan for single
    orgs, and may not be on the broker yet.
    """
    if not any(map(_may_drop, changes)) or _is_all_there(changes, existing, desired):
        return [*changes]
    ways = _WaysOn(changes, existing, desired)
    return [_judged(change, ways) if _may_drop(change) else change for change in changes]


def fed_without(failed: Collection[Noun], changes: Iterable[Change], order: DeclaringOrder) -> Mapping[Noun, Noun]:
    """Those of the new bindings that feed a queue whose dead letters need something that failed, and what."""
    feeding = filter(None, map(_feeding_binding, changes))
    places: dict[Noun, Node] = {one: At(Kind.QUEUE, one.destination, None) for one in feeding}

    def own(node: Node) -> Noun | None:
        return node if not isinstance(node, At) and node in failed else None

    groups = needs_first(places.values(), order.needs)
    found = handed_on(groups, order.needs, own, itemgetter(0))
    return {binding: found[place] for binding, place in places.items() if place in found}


def _is_all_there(changes: Sequence[Change], existing: Existing, desired: Desired) -> bool:
    """Whether there is every exchange that takes dead letters. Thousands of queues name one of a few."""
    declared = {change.noun.name for change in changes if isinstance(change.noun, Exchange)}
    absent = dead_letter_carriers(existing, desired) - existing.exchanges.keys() - declared
    return desired.scope is None and all(map(is_reserved, absent))


def _may_drop(change: Change) -> bool:
    match change:
        case Replace(noun=Queue() as queue, unfinished=None, held_back=None, replaced=Replaced(was=was)):
            return queue.dead_letter_exchange != was.dead_letter_exchange
        case Declare(noun=Policy(), held_back=None) | Update(noun=Policy(), held_back=None):
            return True
        case _:
            return _feeding_binding(change) is not None


def _feeding_binding(change: Change) -> Binding | None:
    match change:
        case Declare(
            noun=Binding(destination_type=DestinationType.QUEUE) as binding,
            carries_dead_letters=False,
            held_back=None,
        ):
            return binding
        case _:
            return None


def _judged(change: Change, ways: "_WaysOn") -> Change:
    noun = change.noun
    if isinstance(noun, Policy):
        lacking = ways.lacking_by_policy(noun)
    else:
        queue = noun if isinstance(noun, Queue) else ways.queue_of(noun)
        lacking = None if queue is None else ways.lacking(queue)
    if lacking is None:
        return change
    return replace(change, held_back=f"{lacking} is not on the broker; {ways.remedy}")


def _may_lack(now: frozenset[Fate], planned: frozenset[Fate]) -> bool:
    """Whether there is no dead-letter exchange, or no time to live, where one is planned."""
    parts = zip(zip(*now, strict=True), zip(*planned, strict=True), strict=True)
    return any(None in of_now and None not in of_planned for of_now, of_planned in parts)


class _WaysOn:
    def __init__(self, changes: Sequence[Change], existing: Existing, desired: Desired) -> None:
        made = (c for c in changes if isinstance(c, (Declare, Update)) and c.held_back is None)
        scope = desired.scope
        self._existing = existing
        self._then = Vhost.of(existing).after(made)
        self._policies = PoliciesInForce(self._then.policies.values())
        of_all = {one.name: one for one in scope.reference_policies} if scope else {}
        self._with_those_of_all = PoliciesInForce({**self._then.policies, **of_all}.values())
        self._lacking_by_queue: dict[Queue, str | None] = {}
        self._referenced: dict[str, list[Binding]] = defaultdict(list)
        for binding in sorted(scope.reference_bindings, key=attrgetter("name")) if scope else ():
            self._referenced[binding.source].append(binding)
        self._from: dict[str, list[Binding]] = defaultdict(list)
        # In a plan of the whole vhost it is the order that takes care of the rest.
        for binding in self._then.bindings if scope else ():
            self._from[binding.source].append(binding)
        self.remedy = NOT_ALL if scope else "declare it first"

    def queue_of(self, noun: Noun) -> Queue | None:
        """The queue that a binding leads to, once all is declared."""
        match noun:
            case Binding(destination_type=DestinationType.QUEUE, destination=name):
                return self._then.queues.get(name)
            case _:
                return None

    def lacking(self, queue: Queue) -> str | None:
        """What is not there of the way that the dead letters of a queue take, in words."""
        if queue not in self._lacking_by_queue:  # most queues have more than one binding
            self._lacking_by_queue[queue] = next(self._missing(queue, shown(queue.name)), None)
        return self._lacking_by_queue[queue]

    def lacking_by_policy(self, policy: Policy) -> str | None:
        """The same of the way that a policy leads dead letters to, if it does not do so already."""
        key = "dead-letter-exchange"
        now, then = self._existing.policies.get(policy.name), policy.definition.get(key)
        if not isinstance(then, str) or (now is not None and now.definition.get(key) == then):
            return None
        key_then = policy.definition.get("dead-letter-routing-key")
        key_then = key_then if isinstance(key_then, str) else None
        return next(self._missing(then, "the queues under it", key_then), None)

    def _missing(self, start: Queue | str, whose: str, key: str | None = None) -> Iterator[str]:
        """What is missing from a queue or an exchange on; `whose` the messages were when they were rejected.

        They come with this `key`, None for any.
        """
        would = f"what is rejected or expires in {whose} would be dropped:"
        seen: set[tuple[Queue | str, str | None]] = set()
        todo: list[tuple[Queue | str, str | None]] = [(start, key)]
        while todo:
            place, key = todo.pop()
            if (place, key) in seen:
                continue
            seen.add((place, key))
            if isinstance(place, Queue):
                noun = place.with_type_from(self._existing.default_queue_type)
                yield from self._missing_policies(noun)
                todo += [
                    (way.exchange, key if way.routing_key is None else way.routing_key)
                    for way in self._way_behind(noun)
                ]
            elif not is_reserved(place):
                if place not in self._then.exchanges:
                    yield f"{would} its dead-letter exchange {shown(place)}"
                for binding in self._taking(self._referenced, place, key):
                    if binding not in self._then.bindings:
                        yield f"{would} the binding {shown(binding.name)}"
                todo += [
                    (next_place, key)
                    for binding in self._taking(self._from, place, key)
                    if (next_place := self._end_of(binding)) is not None
                ]

    def _missing_policies(self, queue: Queue) -> Iterator[str]:
        if not _may_lack(fate(queue, self._policies), fate(queue, self._with_those_of_all)):
            return
        for policy in self._with_those_of_all.candidates(queue):
            if policy != self._then.policies.get(policy.name):
                as_planned = " as the spec has it" if policy.name in self._then.policies else ""
                yield f"{shown(queue.name)} lives by the policy {shown(policy.name)}{as_planned}, which"

    def _way_behind(self, queue: Queue) -> Iterator[DeadLetters]:
        ways = self._policies.dead_letters(queue)
        # Where it is not certain which policy is in force, the way may be another one.
        if len(ways) == 1 and (way := next(iter(ways))) is not None:
            yield way

    def _taking(
        self, bindings: Mapping[str, Sequence[Binding]], exchange: str, key: str | None
    ) -> Iterator[Binding]:
        """Those of the bindings from an exchange by which what comes with this key may leave it."""
        noun = self._then.exchanges.get(exchange)
        for binding in bindings.get(exchange, ()):
            if noun is None or key is None or Route(noun.type, binding.routing_key).admits(key):
                yield binding

    def _end_of(self, binding: Binding) -> Queue | str | None:
        """Where a binding leads to, if that has been read."""
        if binding.destination_type is DestinationType.QUEUE:
            return self._then.queues.get(binding.destination)
        return binding.destination if binding.destination in self._then.exchanges else None
