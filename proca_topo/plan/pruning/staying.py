"""Why something that nobody wants any more has to stay for now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from proca_topo.plan.changes import WaitsFor
from proca_topo.plan.counterpart import counterpart
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import busy, messages, waiting_in
from proca_topo.plan.messages.circuits import (
    Circuit,
    ahead_of_ways_back,
    brings_dead_letters,
    circuit_of,
    comes_back_by,
)
from proca_topo.plan.messages.ways_on import WaysOn
from proca_topo.plan.pruning.living_by import in_need_of
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import STREAM, Binding, DestinationType, Exchange, Policy, Queue, is_for_our_use


@dataclass(frozen=True)
class Reason:
    """Why something stays. `users` are the queues or exchanges that would have to change, if any."""

    text: str
    waits_for: WaitsFor = WaitsFor.TIME
    users: Sequence[str] = ()


@dataclass(kw_only=True)
class Decision:
    """The reasons found so far, object by object. What has no reason to stay is deleted."""

    existing: Existing
    desired: Desired
    gone: Undesired
    index: ExistingIndex
    queues: dict[str, Reason] = field(default_factory=dict)
    bindings: dict[Binding, Reason] = field(default_factory=dict)
    exchanges: dict[str, Reason] = field(default_factory=dict)
    policies: dict[str, Reason] = field(default_factory=dict)
    blocked: dict[str, str] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)
    circuits: dict[str, Circuit] = field(default_factory=dict)
    _of_those_that_stay: dict[str, Circuit] = field(default_factory=dict, init=False)

    def settle(self) -> None:
        """Find every reason."""
        for queue in self.gone.queues:
            self._look_for_ignored_bindings(queue.name)
            self.circuits[queue.name] = circuit_of(queue.name, self.index)
            if (reason := busy(queue.name, self.circuits[queue.name], self.existing.activity)) is not None:
                self.queues[queue.name] = Reason(reason)
            if queue.type == STREAM and (kept := self.existing.activity.get(queue.name, Activity()).messages):
                what = f"{messages(kept)} in it, and a stream keeps what has been read"
                self.queues[queue.name] = Reason(what, WaitsFor.STREAM)
        before = -1
        while (now := self._stays()) != before:
            before = now
            for binding in self.gone.bindings:
                self._consider_binding(binding)
            for queue in self.gone.queues:
                self._consider_queue(queue.name)
            for exchange in self.gone.exchanges:
                self._consider_exchange(exchange.name)
        for policy in self.gone.policies:
            self._consider_policy(policy)

    def _look_for_ignored_bindings(self, queue: str) -> None:
        for binding in self.index.by_queue.get(queue, ()):
            if binding not in self._undesired_bindings and not is_for_our_use(binding.source):
                name = shown(binding.name)
                self.bound[queue] = f"{name} is ignored and still bound; have it unbound, or keep the queue"

    def _stays(self) -> int:
        return len(self.queues) + len(self.bindings) + len(self.exchanges) + len(self.blocked)

    def _goes(self, queue: str) -> bool:
        return queue in self.circuits and queue not in self.queues and queue not in self.bound

    def _stands(self, queue: str) -> bool:
        return not self._goes(queue)

    def _leaves(self, queue: str) -> bool:
        return queue in self.circuits

    def _is_left(self, binding: Binding) -> bool:
        """Whether a binding stays, as far as it has been decided: what goes leads nobody here."""
        return binding not in self._undesired_bindings or binding in self.bindings

    def _exchange_stands(self, exchange: str) -> bool:
        return not self._exchange_goes(exchange)

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
    def _ways_on(self) -> WaysOn:
        return WaysOn(self.index, self.desired.waiting)

    def _consider_binding(self, binding: Binding) -> None:
        if binding in self.bindings:
            return
        reason = (
            self._needed_as_way_back(binding)
            or self._needed_as_way_on(binding)
            or self._needed_by_auto_delete(binding)
        )
        if reason is not None:
            self.bindings[binding] = reason
            if binding.destination_type is DestinationType.QUEUE and self._goes(binding.destination):
                self.queues.setdefault(binding.destination, reason)

    def _needed_as_way_back(self, binding: Binding) -> Reason | None:
        """A binding by which messages come back must stand while any can still be waiting."""
        queue = binding.destination
        if binding.destination_type is not DestinationType.QUEUE:
            if not brings_dead_letters(binding.source, self.index):
                return None
            fed = next(filter(self._stands, sorted(self._ahead.get(binding.destination, ()))), None)
            return Reason(f"messages may still come to {shown(fed)} by it") if fed is not None else None
        if queue in self.circuits:
            if binding in self.circuits[queue].ways_back and self._stands(queue):
                return Reason(f"messages may still come to {shown(queue)} by it")
            return None
        return self._still_comes_back(binding)

    @cached_property
    def _ahead(self) -> Mapping[str, frozenset[str]]:
        return ahead_of_ways_back(self.circuits, self.index)

    def _still_comes_back(self, binding: Binding) -> Reason | None:
        """The same of a queue that stays: while its dead letters go round, or any wait, they need the way back."""
        queue = binding.destination
        circuit = self._circuit_behind(binding)
        if binding not in circuit.ways_back:
            return None
        if comes_back_by(binding, self.index):
            return Reason(f"the dead letters of {shown(queue)} still come back by it")
        reason = waiting_in(circuit, self.existing.activity, "may come back by it")
        return Reason(reason) if reason is not None else None

    def _needed_as_way_on(self, binding: Binding) -> Reason | None:
        """The last way on of dead letters, or of what an exchange cannot route, must stand while any can come."""
        senders = self._ways_on.senders_through(
            binding, self._stands, self._leaves, self._is_left, idle=self._is_way_back(binding)
        )
        if senders:
            return Reason(_still_send(senders, "dead letters this way"), WaitsFor.DEAD_LETTERS_ELSEWHERE, senders)
        if binding.source not in self._undesired_exchanges:
            return None
        if users := self._ways_on.alternates_through(binding, self._exchange_stands):
            return Reason(_still_send(users, "what has no route this way"), WaitsFor.ALTERNATE_ELSEWHERE, users)
        return None

    def _consider_queue(self, name: str) -> None:
        if self._stands(name):
            return
        if senders := self._ways_on.senders_by_name(name, self._stands):
            text = _still_send(senders, "dead letters to it")
            self.queues[name] = Reason(text, WaitsFor.DEAD_LETTERS_ELSEWHERE, senders)

    def _needed_by_auto_delete(self, binding: Binding) -> Reason | None:
        """An auto-delete exchange goes with the last binding that it is the source of."""
        source = self.existing.exchanges.get(binding.source)
        if source is None or not source.auto_delete or self._exchange_goes(source.name):
            return None
        then = (*self.index.by_source.get(source.name, ()), *self.index.desired_by_source.get(source.name, ()))
        if any(map(self._remains, then)):
            return None
        return Reason(
            f"{shown(source.name)} is auto-delete and would go with its last binding; bind it elsewhere first"
        )

    def _is_way_back(self, binding: Binding) -> bool:
        """Whether it is a way back to a queue. Nothing comes by it any more if it is not needed as one."""
        if binding.destination_type is not DestinationType.QUEUE:
            return binding.destination in self._ahead
        return binding in self._circuit_behind(binding).ways_back

    def _circuit_behind(self, binding: Binding) -> Circuit:
        """The circuit of the queue that a binding leads to."""
        queue = binding.destination
        if queue in self.circuits:
            return self.circuits[queue]
        # Thousands of orgs can have bindings to one shared queue.
        if queue not in self._of_those_that_stay:
            self._of_those_that_stay[queue] = circuit_of(queue, self.index, stays=True)
        return self._of_those_that_stay[queue]

    def goes_along(self, binding: Binding) -> bool:
        """Whether this is a way back that is deleted together with its queue.

        Only a binding by the queue's own name, and of an exchange that is there for nothing else: another one may
        also bring what is published now, so it goes before the queue does.
        """
        return (
            self._is_way_back(binding)
            and self._goes(binding.destination)
            and binding.routing_key == binding.destination
            and binding.source in self.desired.returning
            and self._ways_on.is_keyed_by_queues(binding.source)
        )

    def _consider_exchange(self, name: str) -> None:
        if name in self.exchanges or name in self.blocked:
            return
        for binding in (*self.index.by_source.get(name, ()), *self.index.by_destination_exchange.get(name, ())):
            if binding in self.bindings:
                self.exchanges[name] = Reason(f"{shown(binding.name)} still needs it")
                return
            if self._remains(binding) and (queue := self._to_be_replaced(binding)) is not None:
                text = f"{shown(binding.name)} needs it until {shown(queue)} is replaced"
                self.exchanges[name] = Reason(text, WaitsFor.REPLACEMENT)
                return
            if self._remains(binding):
                self.blocked[name] = (
                    f"{shown(binding.name)} is not ours and still bound; have it unbound, or keep the exchange"
                )
                return
        if senders := tuple(filter(self._stands, self.index.dead_lettering_to.get(name, ()))):
            text = f"{_and_others(senders)} still has it as dead-letter exchange"
            self.exchanges[name] = Reason(text, WaitsFor.DEAD_LETTERS_ELSEWHERE, senders)
        elif users := [e for e in self.index.alternates_to.get(name, ()) if not self._exchange_goes(e)]:
            text = f"{_and_others(users)} still has it as alternate exchange"
            self.exchanges[name] = Reason(text, WaitsFor.ALTERNATE_ELSEWHERE, users)

    def _to_be_replaced(self, binding: Binding) -> str | None:
        """What a binding leads to, if that is to get another name or only stands in for what is being replaced."""
        name = binding.destination
        return name if name in self.desired.renames.values() or is_for_our_use(name) else None

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
        if (one := in_need_of(policy, self._standing, self.index)) is not None:
            self.policies[policy.name] = Reason(f"{shown(one.name)} needs it until it is gone")
        elif (one := in_need_of(policy, self._awaiting_replacement, self.index)) is not None:
            text = f"{shown(one.name)} needs it until it is replaced"
            self.policies[policy.name] = Reason(text, WaitsFor.REPLACEMENT)

    @property
    def _standing(self) -> Iterator[Queue | Exchange]:
        """What nobody wants any more and is there for now."""
        yield from (self.existing.queues[name] for name in (*self.queues, *self.bound))
        yield from (self.existing.exchanges[name] for name in (*self.exchanges, *self.blocked))

    @cached_property
    def _awaiting_replacement(self) -> tuple[Queue | Exchange, ...]:
        """What waits to be replaced, as it is: what it has by policy may be in no argument yet."""
        there: tuple[Queue | Exchange, ...] = (*self.existing.queues.values(), *self.existing.exchanges.values())
        wanted = ((one, counterpart(one, self.desired)) for one in there)
        return tuple(one for one, then in wanted if then is not None and not self.existing.shows(then))

    def waits_for(self, reason: Reason) -> WaitsFor:
        """What has to happen until what stays for this reason can go.

        What drains itself needs only time, and so does what waits for nothing else.
        """
        draining = self.exchanges if reason.waits_for is WaitsFor.ALTERNATE_ELSEWHERE else self.queues
        only_draining = reason.users and all(user in draining for user in reason.users)
        return WaitsFor.TIME if only_draining else reason.waits_for


def _still_send(names: Sequence[str], what: str) -> str:
    return f"{_and_others(names)} still send{'s' if len(names) == 1 else ''} {what}"


def _and_others(names: Sequence[str]) -> str:
    if len(names) == 1:
        return shown(names[0])
    return f"{shown(names[0])} and {len(names) - 1} other{'s' if len(names) > 2 else ''}"  # noqa: PLR2004
