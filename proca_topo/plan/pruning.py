"""What becomes of what is owned but no longer desired: deleted, or retired until nothing can be lost."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from proca_topo.plan.busy import busy, messages
from proca_topo.plan.changes import Change, Delete, Hazard, HazardCode, Retire, WaitsFor
from proca_topo.plan.circuits import Circuit, circuit_of
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.keeping import kept
from proca_topo.plan.policy_effects import removal_effects
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Noun, Policy, Queue


def prune(existing: Existing, desired: Desired, gone: Undesired) -> tuple[Change, ...]:
    """Decide for each undesired object whether it can be deleted or has to be retired.

    | object   | deleted when                                                                             |
    |----------|------------------------------------------------------------------------------------------|
    | binding  | it is not a way back for messages that may be waiting, nor the last way on for dead       |
    |          | letters that a remaining queue still sends, nor the last of an exchange that RabbitMQ     |
    |          | deletes with its last binding (auto-delete) and that nobody wants deleted                |
    | queue    | no messages, no consumers, nothing waiting in its circuit, no binding that has to stay    |
    | exchange | no binding remains, and nothing that remains sends dead letters or unroutable ones to it  |
    | policy   | no queue that is being retired needs it                                                  |

    Deciding that something stays can make something else stay, so it goes round until nothing changes. What the
    spec protects is no matter for decision: it is held back, and to the rest it is there for good.
    """
    if not gone:
        return ()
    index = ExistingIndex(existing, desired.bindings)
    protected = kept(desired, gone, index)
    decision = _Decision(existing=existing, desired=desired, gone=gone.without(protected), index=index)
    decision.settle()
    if not protected:
        return decision.changes()
    found: dict[Noun, Change] = {change.noun: change for change in decision.changes()}
    for noun, reason in protected.items():
        found[noun] = Delete(noun=noun, org=desired.org_of(noun), held_back=reason)
    return tuple(found[noun] for noun in gone.everything())


@dataclass(frozen=True)
class _Reason:
    """Why something stays. `users` are the queues or exchanges that would have to change, if any."""

    text: str
    waits_for: WaitsFor = WaitsFor.TIME
    users: Sequence[str] = ()


@dataclass(kw_only=True)
class _Decision:
    """The reasons found so far, object by object. What has no reason to stay is deleted."""

    existing: Existing
    desired: Desired
    gone: Undesired
    index: ExistingIndex
    queues: dict[str, _Reason] = field(default_factory=dict)
    bindings: dict[Binding, _Reason] = field(default_factory=dict)
    exchanges: dict[str, _Reason] = field(default_factory=dict)
    policies: dict[str, _Reason] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    circuits: dict[str, Circuit] = field(default_factory=dict)

    def settle(self) -> None:
        for queue in self.gone.queues:
            self.circuits[queue.name] = circuit_of(queue.name, self.index)
            if (reason := busy(queue.name, self.circuits[queue.name], self.existing.activity)) is not None:
                self.queues[queue.name] = _Reason(reason)
        before = -1
        while (now := self._stays()) != before:
            before = now
            for binding in self.gone.bindings:
                self._consider_binding(binding)
            for exchange in self.gone.exchanges:
                self._consider_exchange(exchange.name)
        for policy in self.gone.policies:
            self._consider_policy(policy)

    def _stays(self) -> int:
        return len(self.queues) + len(self.bindings) + len(self.exchanges) + len(self.blocked)

    def _goes(self, queue: str) -> bool:
        return queue in self.circuits and queue not in self.queues

    def _exchange_goes(self, exchange: str) -> bool:
        return (
            exchange in self._undesired_exchanges
            and exchange not in self.exchanges
            and exchange not in self.blocked
        )

    @cached_property
    def _undesired_exchanges(self) -> frozenset[str]:
        return frozenset(exchange.name for exchange in self.gone.exchanges)

    @cached_property
    def _undesired_bindings(self) -> frozenset[Binding]:
        return frozenset(self.gone.bindings)

    @cached_property
    def _desired_sources(self) -> frozenset[str]:
        return frozenset(binding.source for binding in self.desired.bindings)

    def _remaining_senders(self, exchange: str) -> tuple[str, ...]:
        """The queues that stay and send dead letters here, directly or through other exchanges."""
        return tuple(q for q in self.index.dead_lettering_to.get(exchange, ()) if not self._goes(q))

    def _consider_binding(self, binding: Binding) -> None:
        if binding in self.bindings:
            return
        reason = (
            self._needed_as_way_back(binding)
            or self._needed_by_dead_letters(binding)
            or self._needed_by_auto_delete(binding)
        )
        if reason is not None:
            self.bindings[binding] = reason
            if binding.destination_type is DestinationType.QUEUE and binding.destination in self.circuits:
                self.queues.setdefault(binding.destination, reason)

    def _needed_as_way_back(self, binding: Binding) -> _Reason | None:
        """A binding by which messages come back must stand while any can still be waiting."""
        if binding.destination_type is not DestinationType.QUEUE:
            return None
        queue = binding.destination
        if queue in self.circuits:
            if binding in self.circuits[queue].ways_back and queue in self.queues:
                return _Reason(f"messages may still come to {shown(queue)} by it")
            return None
        return self._still_comes_back(binding)

    def _still_comes_back(self, binding: Binding) -> _Reason | None:
        """The same of a queue that stays: while its dead letters go round, or any wait, they need the way back."""
        queue = binding.destination
        circuit = circuit_of(queue, self.index)
        if binding not in circuit.ways_back:
            return None
        for letters in self.index.dead_letters.get(queue, ()):
            ahead = self.index.queues_behind(letters.exchange) | {letters.routing_key}
            if ahead & circuit.waiting:
                return _Reason(f"the dead letters of {shown(queue)} still come back by it")
        for waiting in sorted(circuit.waiting):
            count = self.existing.activity.get(waiting, Activity()).messages
            if count:
                return _Reason(f"{messages(count)} in {shown(waiting)} may come back by it")
        return None

    def _needed_by_dead_letters(self, binding: Binding) -> _Reason | None:
        """The last ways on from a dead-letter exchange must stand while a remaining queue sends there."""
        if binding.source in self._desired_sources or self._goes_along(binding):
            return None
        senders = [q for q in self._remaining_senders(binding.source) if q != binding.destination]
        if senders:
            text = f"{_and_others(senders)} still send{'s' if len(senders) == 1 else ''} dead letters this way"
            return _Reason(text, WaitsFor.DEAD_LETTERS_ELSEWHERE, senders)
        return None

    def _needed_by_auto_delete(self, binding: Binding) -> _Reason | None:
        """An auto-delete exchange goes with the last binding that it is the source of."""
        source = self.existing.exchanges.get(binding.source)
        if source is None or not source.auto_delete or self._exchange_goes(source.name):
            return None
        if any(self._remains(other) for other in self._bound_in_the_end(source.name)):
            return None
        return _Reason(
            f"{shown(source.name)} is auto-delete and would go with its last binding; bind it elsewhere first"
        )

    def _bound_in_the_end(self, source: str) -> tuple[Binding, ...]:
        return (*self.index.by_source.get(source, ()), *self.index.desired_by_source.get(source, ()))

    def _goes_along(self, binding: Binding) -> bool:
        """Whether this is the way back to a queue that is deleted, now that nothing can come back by it.

        Only a binding by the queue's own name: one by another key may also bring what is published now, so it goes
        before the queue does.
        """
        queue = binding.destination
        return self._goes(queue) and binding.routing_key == queue and binding in self.circuits[queue].ways_back

    def _consider_exchange(self, name: str) -> None:
        if name in self.exchanges or name in self.blocked:
            return
        for binding in (*self.index.by_source.get(name, ()), *self.index.by_destination_exchange.get(name, ())):
            if binding in self.bindings:
                self.exchanges[name] = _Reason(f"{shown(binding.name)} still needs it")
                return
            if self._remains(binding):
                self.blocked[name] = (
                    f"{shown(binding.name)} is not ours and still bound; have it unbound, or keep the exchange"
                )
                return
        if senders := self._remaining_senders(name):
            text = f"{_and_others(senders)} still has it as dead-letter exchange"
            self.exchanges[name] = _Reason(text, WaitsFor.DEAD_LETTERS_ELSEWHERE, senders)
        elif users := [e for e in self.index.alternates_to.get(name, ()) if not self._exchange_goes(e)]:
            text = f"{_and_others(users)} still has it as alternate exchange"
            self.exchanges[name] = _Reason(text, WaitsFor.ALTERNATE_ELSEWHERE, users)

    def _remains(self, binding: Binding) -> bool:
        """Whether a binding that nobody wants deleted is still there once this plan is done."""
        if binding in self.desired.bindings:
            return True
        if binding in self._undesired_bindings:
            return False
        match binding.destination_type:
            case DestinationType.QUEUE:
                return not self._goes(binding.destination)
            case DestinationType.EXCHANGE:
                return not self._exchange_goes(binding.destination)

    def _consider_policy(self, policy: Policy) -> None:
        for queue in self.queues:
            if policy in self.index.candidates(self.existing.queues[queue]):
                self.policies[policy.name] = _Reason(f"{shown(queue)} needs it until it is gone")
                return
        for name in self._awaiting_replacement:
            if policy in self.index.candidates(self.existing.queues[name]):
                text = f"{shown(name)} needs it until it is replaced"
                self.policies[policy.name] = _Reason(text, WaitsFor.REPLACEMENT)
                return

    @cached_property
    def _awaiting_replacement(self) -> tuple[str, ...]:
        """The desired queues that wait to be replaced: what they have by policy may be in no argument yet."""
        there = self.existing
        return tuple(q.name for q in self.desired.queues.values() if there.has(q) and not there.shows(q))

    def _waits_for(self, reason: _Reason) -> WaitsFor:
        """What drains itself needs only time, and so does what waits for nothing else."""
        draining = self.exchanges if reason.waits_for is WaitsFor.ALTERNATE_ELSEWHERE else self.queues
        only_draining = reason.users and all(user in draining for user in reason.users)
        return WaitsFor.TIME if only_draining else reason.waits_for

    def changes(self) -> tuple[Change, ...]:
        found: list[Change] = []
        for binding in self.gone.bindings:
            org = self.desired.org_of(binding)
            if (why := self.bindings.get(binding)) is not None:
                found.append(Retire(noun=binding, org=org, reason=why.text, waits_for=self._waits_for(why)))
            else:
                along = binding.destination if self._goes_along(binding) else None
                found.append(Delete(noun=binding, org=org, along_with=along))
        for queue in self.gone.queues:
            org = self.desired.org_of(queue)
            if (why := self.queues.get(queue.name)) is not None:
                found.append(Retire(noun=queue, org=org, reason=why.text, waits_for=self._waits_for(why)))
            else:
                found.append(Delete(noun=queue, org=org, hazards=_queue_hazards(queue)))
        for exchange in self.gone.exchanges:
            org = self.desired.org_of(exchange)
            if (why := self.exchanges.get(exchange.name)) is not None:
                found.append(Retire(noun=exchange, org=org, reason=why.text, waits_for=self._waits_for(why)))
            else:
                blocked = self.blocked.get(exchange.name)
                found.append(Delete(noun=exchange, org=org, hazards=(_CUT,), held_back=blocked))
        for policy in self.gone.policies:
            org = self.desired.org_of(policy)
            if (why := self.policies.get(policy.name)) is not None:
                found.append(Retire(noun=policy, org=org, reason=why.text, waits_for=self._waits_for(why)))
            else:
                effects = removal_effects(policy, self.existing, self.index)
                found.append(Delete(noun=policy, org=org, hazards=effects.hazards, held_back=effects.held_back))
        return tuple(found)


def _and_others(names: Sequence[str]) -> str:
    if len(names) == 1:
        return shown(names[0])
    return f"{shown(names[0])} and {len(names) - 1} other{'s' if len(names) > 2 else ''}"  # noqa: PLR2004


def _queue_hazards(queue: Queue) -> tuple[Hazard, ...]:
    when = "between the last look at it and its deletion" if queue.type != "classic" else "as it is deleted"
    return (
        Hazard(
            code=HazardCode.PUBLISH_RACE,
            message=f"what is published straight to its name {when} is lost",
        ),
    )


_CUT = Hazard(
    code=HazardCode.PUBLISHERS_CUT,
    message="a client that still publishes to it gets its channel closed (404)",
)
