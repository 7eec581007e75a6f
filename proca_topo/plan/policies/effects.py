"""What setting or deleting policies does, at once, to what is there already."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from proca_topo.plan.changes import Hazard, HazardCode
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.policies.federation import why_not_changed
from proca_topo.plan.policies.losses import LIMITS, Loss, why_lost
from proca_topo.plan.undesired import undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce, alternate, dead_letters, under
from proca_topo.topology.policy_patterns import only_name
from proca_topo.topology.routing.routes import Routes


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What a change of a policy can cost. `held_back` is set if it would drop messages that are waiting now, or
    what is rejected or cannot be routed before other changes are made.
    """

    hazards: tuple[Hazard, ...] = ()
    held_back: str | None = None


_ONCE_REPLACED: Final = "apply again once it is"
_UNTIL_GONE: Final = "let the policy be for it until then"

# What a policy that takes the place of another one may take away.
_KEPT_BY: Final = frozenset(
    {"dead-letter-exchange", "dead-letter-routing-key", "dead-letter-strategy", "overflow"}
)


@dataclass(frozen=True, kw_only=True)
class PolicyChanges:
    """Policies that are to be set, or deleted, all of them one or the other.

    Each is looked at by itself, as it changes what the others have left: together they may cost what none of them
    costs alone, and one may be harmless only after another. `arriving` is what is declared before them, and
    `replaced` are the queues that others take the place of right after them.
    """

    policies: Collection[Policy]
    existing: Existing
    deleting: bool = False
    already_set: Collection[Policy] = ()
    arriving: Desired | None = None
    replaced: Collection[str] = ()

    def in_turn(self) -> Mapping[str, Effects]:
        """The effects of each by its name, in an order in which as many as possible cost nothing."""
        found: dict[str, Effects] = {}
        now, after, todo = self._in_force(), self._in_force(), [*self.policies]
        while todo:
            costly: dict[str, Effects] = {}
            for policy in todo:
                is_now, becomes = self._change(policy)
                after.change(is_now, becomes)
                effects = self._effects(policy, now, after)
                if effects.held_back is None:
                    found[policy.name] = effects
                    now.change(is_now, becomes)
                else:
                    costly[policy.name] = effects
                    after.change(becomes, is_now)
            if len(costly) == len(todo):
                return found | costly
            todo = [policy for policy in todo if policy.name in costly]
        return found

    def at_once(self) -> Mapping[str, Effects]:
        """Those that cost nothing as things are, whichever is made first; if there are none, all of them."""
        found: dict[str, Effects] = {}
        costly: dict[str, Effects] = {}
        touched: set[Queue | Exchange] = set()
        now, after = self._in_force(), self._in_force()
        for policy in self.policies:
            is_now, becomes = self._change(policy)
            after.change(is_now, becomes)
            effects = self._effects(policy, now, after)
            after.change(becomes, is_now)
            holding = {noun for noun in self._under_either(policy) if self._may_lose_soon(noun, now)}
            if effects.held_back is not None:
                costly[policy.name] = effects
            elif not holding & touched:
                found[policy.name] = effects
                touched |= holding
        return found or costly

    @cached_property
    def _index(self) -> ExistingIndex:
        return ExistingIndex(self.existing)

    @cached_property
    def _there(self) -> Mapping[str, Policy]:
        return {**self.existing.policies, **{policy.name: policy for policy in self.already_set}}

    def _in_force(self) -> PoliciesInForce:
        return PoliciesInForce(self._there.values())

    def _change(self, policy: Policy) -> tuple[Policy | None, Policy | None]:
        return self._there.get(policy.name), None if self.deleting else policy

    def _under_either(self, policy: Policy) -> Collection[Queue | Exchange]:
        versions = {policy, self._there.get(policy.name, policy)}
        queues = {queue.name: queue for one in versions for queue in under(one, self.existing.queues)}
        exchanges = {one.name: one for version in versions for one in under(version, self.existing.exchanges)}
        return [*queues.values(), *exchanges.values()]

    def _may_lose(self, queue: Queue) -> bool:
        here = self.existing.activity.get(queue.name, Activity())
        return bool(here.messages) or not here.counted

    def _may_lose_soon(self, noun: Queue | Exchange, now: PoliciesInForce) -> bool:
        match noun:
            case Queue():
                return self._may_lose(noun) or self._is_consumed(noun)
            case Exchange():
                return _may_go_on(noun, now)

    def _is_consumed(self, queue: Queue) -> bool:
        return bool(self.existing.activity.get(queue.name, Activity()).consumers)

    def _effects(self, policy: Policy, now: PoliciesInForce, after: PoliciesInForce) -> Effects:
        affected = [
            (noun, one) for noun in self._under_either(policy) for one in _newly_in_force(noun, now, after)
        ]
        hazards: list[Hazard] = []
        reason: str | None = None
        if count := len({noun.name for noun, _ in affected if isinstance(noun, Queue)}):
            what = (
                f"takes {shown(', '.join(policy.definition))} at once from"
                if self.deleting
                else "takes effect at once on"
            )
            text = f"{what} {'1 queue' if count == 1 else f'{count} queues'}"
            hazards.append(Hazard(code=HazardCode.SETTINGS_CHANGE, message=text))
        losses = list(self._losses(affected, now))
        if losses:
            what = losses[0].what + (f" (and {len(losses) - 1} more)" if len(losses) > 1 else "")
            hazards.append(Hazard(code=HazardCode.MESSAGES_AT_STAKE, message=what))
            reason = f"{what}; {losses[0].remedy}"
        upstream = why_not_changed(policy, None if self.deleting else policy, self.existing, self._index)
        if upstream is not None:
            hazards.append(Hazard(code=HazardCode.MESSAGES_AT_STAKE, message=upstream.what))
            reason = reason or f"{upstream.what}: {upstream.remedy}"
        return Effects(hazards=tuple(hazards), held_back=reason)

    def _losses(
        self, affected: Iterable[tuple[Queue | Exchange, Policy | None]], now: PoliciesInForce
    ) -> Iterator[Loss]:
        for noun, policy in affected:
            if (loss := self._meanwhile(noun, now, policy)) is not None:
                yield loss
            elif isinstance(noun, Queue) and self._may_lose(noun):
                here = self.existing.activity[noun.name]
                loss = why_lost(noun, now.possible(noun), policy, here, self._routes)
                if loss is not None:
                    yield loss

    def _meanwhile(self, noun: Queue | Exchange, now: PoliciesInForce, policy: Policy | None) -> Loss | None:
        """What would be lost only until another policy takes over, or it is replaced, has its new name or is gone.

        Consumers reject and publishers publish at any time, so that it does not matter what waits now.
        """
        if _goes_on(noun, policy) or not _may_go_on(noun, now):
            return None
        match noun:
            case Queue():
                return self._rejected_meanwhile(noun)
            case Exchange():
                return self._unrouted_meanwhile(noun)

    def _rejected_meanwhile(self, queue: Queue) -> Loss | None:
        name, new, is_consumed = shown(queue.name), self._new_queue(queue), self._is_consumed(queue)
        what = f"what {name} rejects would be dropped, not dead-lettered,"
        if is_consumed and _may_go_on(queue, self._in_the_end):
            remedy = "let the pattern of one be for the queues of both first"
            return Loss(what=f"{what} until another policy takes over", remedy=remedy)
        if is_consumed and queue in self._leaving:
            return Loss(what=f"{what} until it is gone", remedy=_UNTIL_GONE)
        is_next = queue.name in self.replaced and not is_consumed
        if new is None or is_next or not _may_go_on(new, self._in_the_end):
            return None
        what = f"what {name} rejects or lets expire would be dropped, not dead-lettered,"
        if new.name == queue.name:
            return Loss(what=f"{what} until it is replaced", remedy=_ONCE_REPLACED)
        remedy = "let the policy be for both names until then"
        return Loss(what=f"{what} until it is renamed to {shown(new.name)}", remedy=remedy)

    def _unrouted_meanwhile(self, exchange: Exchange) -> Loss | None:
        what = f"what {shown(exchange.name)} cannot route would be dropped until"
        if _may_go_on(exchange, self._in_the_end):
            return Loss(
                what=f"{what} another policy takes over",
                remedy="let the pattern of one be for the exchanges of both first",
            )
        if exchange in self._leaving:
            return Loss(what=f"{what} it is gone", remedy=_UNTIL_GONE)
        new = self.arriving.exchanges.get(exchange.name) if self.arriving is not None else None
        if new is None or not _may_go_on(new, self._in_the_end):
            return None
        return Loss(what=f"{what} it is replaced", remedy=_ONCE_REPLACED)

    def _new_queue(self, queue: Queue) -> Queue | None:
        """The queue as it is to be once it is replaced, or has got another name."""
        if self.arriving is None:
            return None
        new = self.arriving.queues.get(self._new_names.get(queue.name, queue.name))
        if new is None or self.existing.shows(new):
            return None
        return new.with_type_from(self.existing.default_queue_type)

    @cached_property
    def _leaving(self) -> frozenset[Queue | Exchange]:
        """What is there though nobody wants it any more. A prune itself knows what goes with its policy."""
        if self.arriving is None or self.deleting:
            return frozenset()
        gone = undesired(self.existing, self.arriving)
        return frozenset((*gone.queues, *gone.exchanges))

    @cached_property
    def _new_names(self) -> Mapping[str, str]:
        """The names that queues are to have, by those that they have now."""
        return {old: new for new, old in self.arriving.renames.items()} if self.arriving is not None else {}

    @cached_property
    def _in_the_end(self) -> PoliciesInForce:
        changed = {policy.name: policy for policy in self.policies}
        left = {name: policy for name, policy in self._there.items() if name not in changed}
        return PoliciesInForce((left if self.deleting else {**left, **changed}).values())

    @cached_property
    def _routes(self) -> Routes:
        there, more = self.existing, self.arriving
        if more is not None:
            exchanges: Mapping[str, Exchange] = {**there.exchanges, **more.exchanges}
            queues: Mapping[str, Queue] = {**there.queues, **more.queues}
            bindings: Mapping[Binding, tuple[str, ...]] = {**there.bindings, **dict.fromkeys(more.bindings, ())}
            there = replace(there, exchanges=exchanges, queues=queues, bindings=bindings)
        return Routes(there, default_queue_type=there.default_queue_type, others=there.exclusive)


def _may_go_on(noun: Queue | Exchange, policies: PoliciesInForce) -> bool:
    return any(_goes_on(noun, policy) for policy in policies.possible(noun))


def _goes_on(noun: Queue | Exchange, policy: Policy | None) -> bool:
    """Whether a queue's dead letters, or what an exchange cannot route, have somewhere to go."""
    match noun:
        case Queue():
            return dead_letters(noun, policy) is not None
        case Exchange():
            return alternate(noun, policy) is not None


def _newly_in_force(
    noun: Queue | Exchange, before: PoliciesInForce, after: PoliciesInForce
) -> Iterator[Policy | None]:
    """The policies, None for none, of which one may be in force after a change and was not before."""
    then, now = after.possible(noun), before.possible(noun)
    if set(then) == set(now):
        return
    for policy in then:
        # Where it is not certain what is in force now, it may be another one.
        if policy not in now or (len(now) > 1 and (policy is not None or len(then) == 1)):
            yield policy


def may_cost(existing: Existing, desired: Desired, *, with_prune: bool) -> Collection[str]:
    """The queues on which a policy changes that may drop what waits there: worth a count of this moment."""
    changed = _changed(existing, desired)
    before = [there for policy in changed if (there := existing.policies.get(policy.name)) is not None]
    removed = undesired(existing, desired).policies if with_prune else ()
    # A policy that comes into force instead of one with such a key takes that away.
    any_taken = any(_KEPT_BY.intersection(policy.definition) for policy in existing.policies.values())
    limiting = (policy for policy in changed if any_taken or LIMITS & set(policy.definition))
    policies = (*limiting, *before, *removed)
    return frozenset(queue.name for policy in policies for queue in under(policy, existing.queues))


def reach_beyond(existing: Existing, desired: Desired) -> bool:
    """Whether a policy of single orgs that changes may be for other names: `^acme` is for acme2 too."""
    scope = desired.scope
    changed = _changed(existing, desired)
    before = [there for policy in changed if (there := existing.policies.get(policy.name)) is not None]
    names = [only_name(policy.pattern) for policy in (*changed, *before)]
    return scope is not None and any(name is None or not scope.covers(name) for name in names)


def _changed(existing: Existing, desired: Desired) -> list[Policy]:
    return [policy for name, policy in desired.policies.items() if existing.policies.get(name) != policy]
