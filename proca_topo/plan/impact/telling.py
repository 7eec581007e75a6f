"""(plan, existing, desired) -> the plan, with what each change does to messages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from proca_topo.plan.changes import Change, Declare, Delete, Plan, Replace, Retire, Update
from proca_topo.plan.impact.afterwards import Vhost
from proca_topo.plan.impact.comparison import Comparison
from proca_topo.plan.impact.facts import Impact, LeavingImpact
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.policy_patterns import compiled
from proca_topo.topology.routing.matching import is_known_type
from proca_topo.topology.routing.routes import Routes

_LEADS: Final = frozenset({"alternate-exchange", "dead-letter-exchange", "dead-letter-routing-key"})
"""The keys of a policy that lead messages somewhere."""
_BY_KEY: Final = frozenset({"topic", "direct"})


def with_impact(plan: Plan, existing: Existing, desired: Desired) -> Plan:
    """The same plan, in which every change tells what it does to messages.

    A change that apply makes is compared with how it is now, one that is held back with how it will be without it.
    Of an exchange that is new nothing is told: nobody publishes there yet.
    """
    telling = _Telling(plan, existing, desired)
    return replace(plan, changes=tuple(telling.told(change) for change in plan.changes))


@dataclass(frozen=True)
class _Telling:
    """What is compared for a plan. Nothing is made before a change asks for it."""

    plan: Plan
    existing: Existing
    desired: Desired

    def told(self, change: Change) -> Change:
        """The change with its impact; the same object where it has none."""
        impact = self.impact_of(change)
        return change if impact is None else replace(change, impact=impact)

    def impact_of(self, change: Change) -> Impact | None:
        """What one change does to messages; None if nothing."""
        match change, change.noun:
            case ((Declare() | Delete()), Binding() as binding):
                is_told = binding.source in self.existing.exchanges and not self._comes_and_goes(change, binding)
                return _of_bindings(self._comparison(change), binding.source, [binding]) if is_told else None
            case Replace(), Exchange() as exchange:
                return _of_exchange(self._comparison(change), exchange.name)
            case Replace(replaced=replaced), Queue() as queue:
                was = replaced.was.name if isinstance(replaced, Replaced) else queue.name
                leaving = self._comparison(change).dead_letters_of(was, queue.name)
                return Impact.of(leaving=[leaving] if leaving is not None else [])
            case ((Declare() | Update() | Delete()), Policy() as policy):
                both = (self.existing.policies.get(policy.name, policy), policy)
                return _of_policies(self._comparison(change), both) if self._lead(both) else None
            case ((Retire() | Declare() | Delete() | Update() | Replace()), _):
                return None

    def _lead(self, policies: Sequence[Policy]) -> bool:
        """Whether any of them leads messages somewhere, or may take the place of one that does."""
        return any(_LEADS.intersection(one.definition) for one in (*policies, *self.existing.policies.values()))

    def _comes_and_goes(self, change: Change, binding: Binding) -> bool:
        """Whether it is the way back of a queue that is new or goes too: nobody else publishes with its name."""
        if isinstance(change, Delete):
            return change.along_with is not None
        by_name = binding.destination_type is DestinationType.QUEUE and binding.routing_key == binding.destination
        looks_at_keys = self.existing.exchanges[binding.source].type in _BY_KEY
        return by_name and looks_at_keys and binding.destination not in self.existing.queues

    def _comparison(self, change: Change) -> Comparison:
        return self._made if change.held_back is None else self._let_through

    @cached_property
    def _made(self) -> Comparison:
        return self._compared(self._routes(Vhost.of(self.existing)), self._then)

    @cached_property
    def _let_through(self) -> Comparison:
        held_back = (change for change in self.plan.changes if change.held_back is not None)
        return self._compared(self._then, self._routes(self._afterwards.after(held_back)))

    @cached_property
    def _then(self) -> Routes:
        return self._routes(self._afterwards)

    @cached_property
    def _afterwards(self) -> Vhost:
        return Vhost.of(self.existing).after(self.plan.to_do)

    def _routes(self, vhost: Vhost) -> Routes:
        return Routes(vhost, default_queue_type=self.existing.default_queue_type)

    def _compared(self, before: Routes, after: Routes) -> Comparison:
        return Comparison(before, after, self.desired.key_shapes, is_partial=self.desired.scope is not None)


def _of_bindings(
    comparison: Comparison, exchange: str, bindings: Sequence[Binding], leaving: Sequence[LeavingImpact] = ()
) -> Impact | None:
    unknown = next((one for one in comparison.types(exchange) if not is_known_type(one)), None)
    return Impact.of(
        routes=comparison.routes(exchange, bindings) if unknown is None else (),
        leaving=leaving,
        unknown_type=unknown,
        is_partial=comparison.is_partial,
    )


def _of_exchange(comparison: Comparison, name: str) -> Impact | None:
    unrouted = comparison.unrouted.get(name)
    leaving = [unrouted] if unrouted is not None else []
    if len(comparison.types(name)) == 1:
        return Impact.of(leaving=leaving)
    both = (comparison.before, comparison.after)
    bindings = list(dict.fromkeys(binding for routes in both for binding in routes.bindings_from(name)))
    return _of_bindings(comparison, name, bindings, leaving)


def _of_policies(comparison: Comparison, policies: Sequence[Policy]) -> Impact | None:
    """What comes of a policy as it was and as it will be."""
    patterns = [compiled(policy.pattern) for policy in policies]
    leaving = [
        impact
        for found in (comparison.dead_letters, comparison.unrouted)
        for name, impact in found.items()
        if any(pattern.may_match(name) for pattern in patterns)
    ]
    return Impact.of(leaving=leaving)
