"""Queues that RabbitMQ cannot change in place: what replacing them costs, and what stands in the way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from proca_topo.plan.changes import Hazard, HazardCode, Replace, Replacing
from proca_topo.plan.differences import differences
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import messages, why_dead_letters_cannot_be_moved
from proca_topo.plan.policies.federation import why_not_replaced
from proca_topo.plan.replacing.anew import why_not_anew
from proca_topo.plan.replacing.capacity import (
    Capacity,
    capacity_before,
    capacity_of,
    why_impossible,
    why_not_into,
)
from proca_topo.plan.replacing.hazards import replacement_hazards
from proca_topo.plan.replacing.resuming import Resuming
from proca_topo.plan.replacing.returning import why_returning_is_loss
from proca_topo.plan.replacing.risky_policies import (
    why_holding_is_unsafe,
    why_moving_is_unsafe,
    why_retrying_is_unsafe,
)
from proca_topo.plan.replacing.targets import targets
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.holding import Replaced, Unfinished, unfinished
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce

_NEEDS_REPLACE: Final = "it needs --replace, which moves its messages and bindings to a new queue"
_NEEDS_LOCK: Final = "moving messages needs the lock that --no-lock does without: leave that out"


@dataclass(frozen=True, kw_only=True)
class QueueReplacements:
    """The queues that have to be replaced, or whose replacement was begun."""

    existing: Existing
    desired: Desired
    replacing: Replacing

    @cached_property
    def begun(self) -> Mapping[str, Unfinished]:
        """What was begun and not finished, by the name that the queue will have."""
        found = [one for one in unfinished(self.existing) if self._is_ours(one)]
        return targets(found, self.existing, self.desired)

    @cached_property
    def renamed(self) -> Mapping[str, Queue]:
        """The queues that get another name, as they are or will be once that is finished, by that name."""
        going = {one.replaced.was.name for one in self.begun.values()}
        there = {name: queue for name, queue in self.existing.queues.items() if name not in going}
        there = {name: replace(one.replaced.was, name=name) for name, one in self.begun.items()} | there
        return {
            new: there[old] for new, old in self.desired.renames.items() if old in there and new not in self.begun
        }

    @cached_property
    def to_begin(self) -> Mapping[str, Queue]:
        """The queues that are not as they should be, as they are, by the names that they will have."""
        found = dict(self.renamed)
        for name, queue in self.desired.queues.items():
            there = self.existing.queues.get(name)
            if there is None or name in self.begun or name in found:
                continue
            if not queue.is_like(there, self.existing.default_queue_type):
                found[name] = there
        return found

    @cached_property
    def changes(self) -> Mapping[str, Replace]:
        """The replacements by the names that the queues will have, in the order in which they are made."""
        found = {name: self._resumed(name, one) for name, one in self.begun.items()}
        found |= {name: self._begun_now(before, self._wanted(name)) for name, before in self.to_begin.items()}
        # The waiting queues of retry circuits come first: the others' dead letters need them.
        waiting = self.desired.waiting
        return dict(sorted(found.items(), key=lambda item: (item[0] not in waiting, item[0])))

    @cached_property
    def policies_to_wait(self) -> Mapping[str, str]:
        """The policies of the spec by which what was begun could not be finished, each with the queue's name."""
        there = self.existing.policies
        changed = [one for name, one in self.desired.policies.items() if there.get(name) != one]
        found: dict[str, str] = {}
        for name in self.begun if changed else ():
            if self._resuming(name, PoliciesInForce(there.values())).stopped is None:
                for policy in changed:
                    then = PoliciesInForce({**there, policy.name: policy}.values())
                    if self._resuming(name, then).stopped is not None:
                        found.setdefault(policy.name, name)
        return found

    def moved(self) -> Iterator[Binding]:
        """The bindings that the queues will have once they are replaced: those of what stands in for them now."""
        stands_in = {one.replaced.holding.arriving: name for name, one in self.begun.items()}
        stands_in |= {one.replaced.was.name: name for name, one in self.begun.items()}
        stands_in |= {before.name: name for name, before in self.renamed.items()}
        for binding in self.existing.bindings if stands_in else ():
            if binding.destination in stands_in and binding.destination_type is DestinationType.QUEUE:
                yield replace(binding, destination=stands_in[binding.destination])

    def _is_ours(self, one: Unfinished) -> bool:
        names = (one.replaced.was.name, one.replaced.becomes)
        scope = self.desired.scope
        return any(map(self.desired.ownership.owns_name, names)) and (
            scope is None or any(map(scope.covers, names))
        )

    def _wanted(self, name: str) -> Queue:
        return self.desired.queues[name].with_type_from(self.existing.default_queue_type)

    def _resumed(self, name: str, one: Unfinished) -> Replace:
        was = one.replaced.was
        there = self._resuming(name, self._index_then.policies)
        after = there.wanted if there.too_small is None else there.as_it_was
        message = f"begun and interrupted: {messages(one.messages)} in its holding queues, where nobody gets them"
        if there.nowhere is None:
            message += "; apply finishes it"
            if there.too_small is not None:
                message += f", and leaves the queue as it was: {there.too_small}"
            if there.full is not None:
                message += f", once there is room: {there.full}"
        counted = Hazard(code=HazardCode.UNFINISHED, message=message)
        found = differences(was, after) if was != after else ()
        return Replace(
            noun=after,
            org=self.desired.org_of(after),
            differences=found,
            hazards=(
                counted,
                *replacement_hazards(was, after, found, Activity()),
                *(() if one.old_is_gone else self._cut(was)),
            ),
            held_back=self._why_not_finished(one, there.nowhere),
            replaced=replace(one.replaced, becomes=name),
            unfinished=one,
        )

    def _resuming(self, name: str, policies: PoliciesInForce) -> Resuming:
        one = self.begun[name]
        # What is not desired any more is put together again as it was: then a prune can decide.
        wanted = self._wanted(name) if name in self.desired.queues else replace(one.replaced.was, name=name)
        return Resuming(one=one, name=name, wanted=wanted, existing=self.existing, policies=policies)

    def _why_not_finished(self, one: Unfinished, nowhere: str | None) -> str | None:
        if self.replacing is Replacing.FORBIDDEN:
            return _NEEDS_LOCK
        was = one.replaced.was
        unsafe = why_holding_is_unsafe(was, self._policies_then.values(), filling=one.old_is_gone)
        if one.old_is_gone:
            return nowhere or unsafe
        at_risk = self._retried(was) or self._at_risk(was)
        return nowhere or unsafe or self._not_anew(was) or at_risk or self._consumed(was)

    def _begun_now(self, before: Queue, after: Queue) -> Replace:
        activity = self.existing.activity.get(before.name, Activity())
        found = differences(before, after)
        return Replace(
            noun=after,
            org=self.desired.org_of(after),
            differences=found,
            hazards=(*replacement_hazards(before, after, found, activity), *self._cut(before)),
            held_back=self._hindrance(before, after),
            replaced=Replaced(was=before, becomes=after.name),
        )

    def _hindrance(self, before: Queue, after: Queue) -> str | None:
        """Why a replacement is not begun, and what to do; None if it may be, as far as that can be told by now."""
        protected = self.desired.protected
        return (
            protected.reason(after)
            or protected.reason(before)
            or why_impossible(before, after)
            or self._unfinished(before)
            or self._unreachable(before)
            or self._taken(before, after)
            or self._unsafe(before, after)
            or why_not_replaced(before, self._policies_then.values(), self.desired)
            or {Replacing.FORBIDDEN: _NEEDS_LOCK, Replacing.FINISHING: _NEEDS_REPLACE}.get(self.replacing)
            or self._consumed(before)
        )

    def _cut(self, queue: Queue) -> Iterator[Hazard]:
        clients = self.existing.clients.get(queue.name, ())
        if clients:
            yield Hazard(
                code=HazardCode.CONSUMERS_CUT,
                message=f"closes {len(clients)} connection{'s' if len(clients) > 1 else ''} that consume from it:"
                f" {', '.join(clients)}",
            )

    def _consumed(self, queue: Queue) -> str | None:
        consumers = self.existing.activity.get(queue.name, Activity()).consumers
        if not consumers or self.replacing is Replacing.DISCONNECTING:
            return None
        who = "1 consumer is" if consumers == 1 else f"{consumers} consumers are"
        return f"{who} on {shown(queue.name)}: stop them, or let --disconnect-consumers do it"

    def _unfinished(self, queue: Queue) -> str | None:
        if queue.name not in self.begun:
            return None
        name = shown(queue.name)
        return f"what was begun and makes {name} is finished first, under that name: apply again after it"

    def _unreachable(self, queue: Queue) -> str | None:
        if self.existing.activity.get(queue.name, Activity()).counted:
            return None
        name = shown(queue.name)
        return f"RabbitMQ does not tell what is in {name}: if a node that it is on is down, start that first"

    def _taken(self, before: Queue, after: Queue) -> str | None:
        """What is in the way where the new name is that of another queue, which what is moved would go into."""
        if after.name == before.name:
            return None
        if after.name in self.existing.exclusive:
            return f"{shown(after.name)} is one connection's own queue: end that connection first"
        there = self.existing.queues.get(after.name)
        return why_not_into(there, after) if there is not None else None

    def _unsafe(self, before: Queue, after: Queue) -> str | None:
        """What would cost messages, or a binding."""
        unsafe = why_holding_is_unsafe(before, self._policies_then.values())
        if (reason := self._not_anew(before) or unsafe or self._retried(before)) is not None:
            return reason
        if len(self._index.dead_letters.get(before.name, ())) > 1:
            return (
                "it cannot be told which policy gives it its dead-letter exchange, which its messages would need"
            )
        waiting = self.existing.activity.get(before.name, Activity()).messages
        if not waiting:
            return why_returning_is_loss(before, self._index)
        if after.name != before.name:
            waiting += self._in(after.name)
        return (
            self._over_limits(before, after, waiting)
            or self._at_risk(before)
            or why_returning_is_loss(before, self._index)
        )

    def _at_risk(self, before: Queue) -> str | None:
        here = self.existing.activity.get(before.name, Activity())
        return why_dead_letters_cannot_be_moved(before.name, here) or why_moving_is_unsafe(
            before, self._index.candidates(before), here.messages
        )

    def _retried(self, before: Queue) -> str | None:
        return why_retrying_is_unsafe(before, self._index_then.policies.possible(before), self._index)

    def _not_anew(self, before: Queue) -> str | None:
        reasons = map(why_not_anew, self._index.by_queue.get(before.name, ()))
        return next((reason for reason in reasons if reason is not None), None)

    def _in(self, queue: str) -> int:
        return self.existing.activity.get(queue, Activity()).messages

    def _over_limits(self, before: Queue, after: Queue, waiting: int) -> str | None:
        capacity = self._capacity(before, after, capacity_before(before, self._index.policy_of(before)))
        reason = capacity.why_not_kept(self._in(before.name), waiting, where="in it")
        return f"{reason}: let it drain first" if reason is not None else capacity.why_full(waiting)

    def _capacity(self, before: Queue, after: Queue, there: Capacity) -> Capacity:
        then = capacity_of(after, self._index_then.policies.possible(after))
        return then.compared_with(there, same_type=before.type == after.type)

    @cached_property
    def _index(self) -> ExistingIndex:
        return ExistingIndex(self.existing)

    @cached_property
    def _policies_then(self) -> Mapping[str, Policy]:
        """The policies that are there when it begins: those of the spec are set before, if they need not wait."""
        now = {name: one for name, one in self.desired.policies.items() if name not in self.policies_to_wait}
        return {**self.existing.policies, **now}

    @cached_property
    def _index_then(self) -> ExistingIndex:
        return ExistingIndex(replace(self.existing, policies=self._policies_then))
