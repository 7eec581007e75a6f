"""The order in which what is absent is declared and what differs is updated.

| stage                | after                                                                                    |
|----------------------|------------------------------------------------------------------------------------------|
| exchanges            | the exchanges that take what they cannot route, and the policies that say which these    |
|                      | are: without them it would be dropped                                                    |
| policies             | the exchanges, but for those that say what takes what a new one cannot route             |
| queues               | the policies that may be for them: a policy's TTL does not reach messages that are       |
|                      | already in a queue (measured), so none may come before it                                |
| dead-letter bindings | the queues                                                                               |
| bindings             | the bindings that carry dead letters, so that the first rejection finds its way          |

A policy that redirects dead letters, or what cannot be routed, of what is there already does so at once. It comes
after everything that these messages meet then: the queues and bindings of the exchange to which it leads, of what
that leads to, and of where dead letters go from there. One from which such a policy takes anything over comes
after it, so that nothing is without a policy in between.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, assert_never

from proca_topo.plan.changes import Change, Declare, Replace, Update
from proca_topo.plan.declaring.needs_first import needs_first
from proca_topo.plan.declaring.redirecting import Redirect, redirects, ways_on
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.impact.afterwards import Vhost
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Binding, Exchange, Kind, Noun, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes

EXCHANGES: Final = "exchanges"
POLICIES: Final = "policies"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Changes that may be made in any order. `relies_on` are those that have to be on the broker before."""

    title: str
    changes: tuple[Change, ...]
    relies_on: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class At:
    """That a message which comes to this exchange or queue finds its way on; with any key if `key` is None."""

    kind: Kind
    name: str
    key: str | None


Node = Noun | At


@dataclass(frozen=True, kw_only=True)
class DeclaringOrder:
    """The order of the declarations and updates among these changes. `existing` is what they were planned from."""

    changes: Sequence[Change]
    existing: Existing

    def stages(self) -> Iterator[Stage]:
        """The stages one after the other; some are empty."""
        made = [change for change in self.changes if isinstance(change, (Declare, Update))]
        yield from self._exchanges()
        done = {*self.redirecting, *(one for needed in self.alternates.values() for one in needed)}
        policies = tuple(c for c in made if isinstance(c.noun, Policy) and c.noun not in done)
        yield Stage(title=POLICIES, changes=policies)
        ahead: dict[Noun, Change] = {}
        for wave in self._waves():
            late = tuple(change for change in wave if isinstance(change.noun, Policy))
            yield from _after_policies(change for change in wave if not isinstance(change, Replace))
            ahead |= {change.noun: change for change in wave if change not in late}
            yield Stage(title=POLICIES, changes=late, relies_on=tuple(ahead.values()))
            ahead |= {change.noun: change for change in late}
        yield from _after_policies([change for change in made if change.noun not in ahead])

    @cached_property
    def alternates(self) -> Mapping[Noun, tuple[Noun, ...]]:
        """The new exchanges, and for each those other new ones of which one takes what it cannot route, and the
        policies that say so: not those that redirect what is there, which come after all that they lead to.
        """
        made = (c.noun for c in self.changes if isinstance(c, Declare))
        new = {noun.name: noun for noun in made if isinstance(noun, Exchange)}
        now, then = self._policies_now, self._policies_then
        first = set(self._set.values()) - self.redirecting.keys()
        found: dict[Noun, tuple[Noun, ...]] = {}
        for name, one in new.items():
            names = then.alternates(one)
            policies = then.candidates(one) if not names <= now.alternates(one) else ()
            others = [new[other] for other in sorted(names) if other in new and other != name]
            found[one] = (*others, *(policy for policy in policies if policy in first))
        return found

    def _exchanges(self) -> Iterator[Stage]:
        """Those that are alternates of each other in a circle are declared at once: the circle drops anyway."""
        stages: dict[int, list[Change]] = defaultdict(list)
        relied_on: dict[int, dict[Noun, Change]] = defaultdict(dict)
        number: dict[Noun, int] = {}
        for group in needs_first(self.alternates, lambda one: self.alternates.get(one, ())):
            needed = [other for one in group for other in self.alternates.get(one, ()) if other not in group]
            here = max((number[other] + 1 for other in needed), default=0)
            number.update(dict.fromkeys(group, here))
            stages[here] += [self.by_noun[one] for one in group]
            relied_on[here] |= {other: self.by_noun[other] for other in needed}
        for at in sorted(stages):
            yield Stage(title=POLICIES, changes=tuple(c for c in stages[at] if isinstance(c.noun, Policy)))
            exchanges = tuple(c for c in stages[at] if isinstance(c.noun, Exchange))
            yield Stage(title=EXCHANGES, changes=exchanges, relies_on=tuple(relied_on[at].values()))

    @cached_property
    def redirecting(self) -> Mapping[Policy, Redirect]:
        """The policies that redirect what is there already, and how."""
        return {self._set[name]: how for name, how in redirects(self._set.values(), self.existing).items()}

    @cached_property
    def _set(self) -> Mapping[str, Policy]:
        return {c.noun.name: c.noun for c in self.changes if isinstance(c.noun, Policy) and _is_set(c)}

    @cached_property
    def _redirecting_named(self) -> Mapping[str, Policy]:
        return {policy.name: policy for policy in self.redirecting}

    @cached_property
    def groups(self) -> list[tuple[Node, ...]]:
        """These policies and what they need, each after what it needs; what needs each other is one group."""
        return needs_first(self.redirecting, self.needs)

    @cached_property
    def group_of(self) -> Mapping[Node, tuple[Node, ...]]:
        """For each of these, its group."""
        return {one: group for group in self.groups for one in group}

    def needs(self, node: Node) -> Iterator[Node]:
        """What comes before."""
        match node:
            case Policy():
                how = self.redirecting[node]
                for way in how.ways:
                    yield from _along(way.exchange, way.routing_key)
                yield from (self._redirecting_named[name] for name in how.after)
            case Binding():
                yield from self._declared(Kind.EXCHANGE, node.source)
                yield from self._declared(Kind(node.destination_type), node.destination)
            case Queue():
                yield from self._policies_of(node)
            case Exchange():
                pass
            case At():
                yield from self._declared(node.kind, node.name)
                yield from self._on_from(node)
            case _:
                assert_never(node)

    def _on_from(self, place: At) -> Iterator[Node]:
        then = self._then.existing
        noun: Queue | Exchange | None
        if place.kind is Kind.QUEUE:
            noun = then.queues.get(place.name)
        else:
            noun = then.exchanges.get(place.name)
            taken = self._taken(place)
            if taken is None:
                yield replace(place, key=None)
                return
            for binding in taken:
                if binding in self.by_noun:
                    yield binding
                yield At(Kind(binding.destination_type), binding.destination, place.key)
        if noun is not None:
            yield from self._ways_on(noun, place.key)

    def _taken(self, place: At) -> Sequence[Binding] | None:
        """The bindings by which a message may leave an exchange; None where its key does not tell."""
        if place.key is None:
            return self._then.by_source.get(place.name, ())
        hop = self._routes.hop(place.name, Message(routing_key=place.key, any_headers=True))
        return hop.bindings if hop.is_known else None

    @cached_property
    def by_noun(self) -> Mapping[Noun, Change]:
        """The changes after which an object is there that was not before, or is another one."""
        found: dict[Noun, Change] = {}
        for change in self.changes:
            is_new = isinstance(change, Replace) and not self.existing.has(change.noun)
            if is_new or isinstance(change, (Declare, Update)):
                found[change.noun] = change
        return found

    def _waves(self) -> list[list[Change]]:
        """What the redirecting policies need, each wave with the policies that can be set then."""
        waves: dict[int, list[Change]] = defaultdict(list)
        number: dict[Node, int] = {}
        for group in self.groups:
            needed = {other for one in group for other in self.needs(one)}.difference(group)
            here = max((number[other] + isinstance(other, Policy) for other in needed), default=0)
            number.update(dict.fromkeys(group, here))
            waves[here] += [self.by_noun[one] for one in group if not isinstance(one, At)]
        return [waves[one] for one in sorted(waves)]

    def _declared(self, kind: Kind, name: str) -> Iterator[Noun]:
        noun = self.new.get((kind, name))
        if noun is not None:
            yield noun

    @cached_property
    def new(self) -> Mapping[tuple[Kind, str], Exchange | Queue]:
        """The exchanges and queues that are not there yet."""
        found: dict[tuple[Kind, str], Exchange | Queue] = {}
        for noun in self.by_noun:
            match noun:
                case Exchange():
                    found[Kind.EXCHANGE, noun.name] = noun
                case Queue():
                    found[Kind.QUEUE, noun.name] = noun
                case Binding() | Policy():
                    pass
        return found

    def _policies_of(self, queue: Queue) -> Iterator[Policy]:
        """The redirecting policies that a new queue comes after: those that are for it, or let another one be."""
        noun = queue.with_type_from(self.existing.default_queue_type)
        may_count = (*self._policies_then.candidates(noun), *self._policies_now.candidates(noun))
        for name in dict.fromkeys(policy.name for policy in may_count):
            if name in self._redirecting_named:
                yield self._redirecting_named[name]

    def _ways_on(self, noun: Queue | Exchange, key: str | None) -> Iterator[At]:
        """From what is there already, the ways on that it has now: who redirects it comes after the new ones."""
        policies = self._policies_now if self.existing.has(noun) else self._policies_then
        for way in ways_on(noun, policies):
            if way is not None:
                yield from _along(way.exchange, key if way.routing_key is None else way.routing_key)

    @cached_property
    def _routes(self) -> Routes:
        return Routes(self._then.existing)

    @cached_property
    def _then(self) -> ExistingIndex:
        """The vhost once everything is declared."""
        then = Vhost.of(self.existing).after(change for change in self.by_noun.values() if _is_set(change))
        kind = self.existing.default_queue_type
        return ExistingIndex(
            replace(
                self.existing,
                exchanges=then.exchanges,
                queues={name: queue.with_type_from(kind) for name, queue in then.queues.items()},
                bindings=dict.fromkeys(then.bindings, ()),
                policies=then.policies,
            )
        )

    @cached_property
    def _policies_then(self) -> PoliciesInForce:
        return PoliciesInForce({**self.existing.policies, **self._set}.values())

    @cached_property
    def _policies_now(self) -> PoliciesInForce:
        return PoliciesInForce(self.existing.policies.values())


def _is_set(change: Change) -> bool:
    return isinstance(change, (Declare, Update))


def _along(exchange: str, key: str | None) -> Iterator[At]:
    """Where a message comes by an exchange; by the default one to the queue that its key names."""
    if exchange:
        yield At(Kind.EXCHANGE, exchange, key)
    elif key is not None:
        yield At(Kind.QUEUE, key, key)


def _after_policies(changes: Iterable[Change]) -> Iterator[Stage]:
    queues: list[Change] = []
    first: list[Change] = []
    others: list[Change] = []
    for change in changes:
        match change.noun:
            case Queue():
                queues.append(change)
            case Binding():
                is_first = isinstance(change, Declare) and change.carries_dead_letters
                (first if is_first else others).append(change)
            case Exchange() | Policy():
                pass
            case _:
                assert_never(change.noun)
    yield Stage(title="queues", changes=tuple(queues))
    # The plan lists the bindings that carry dead letters first; a stage of their own keeps that order in force.
    yield Stage(title="dead-letter bindings", changes=tuple(first))
    yield Stage(title="bindings", changes=tuple(others))
