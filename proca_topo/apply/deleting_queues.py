"""Queues unbound, looked at, and deleted if nothing can be lost by it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Status
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Delete, WaitsFor
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import busy, messages
from proca_topo.plan.messages.circuits import Circuit, ahead_of_ways_back, brings_dead_letters, circuit_of
from proca_topo.plan.messages.ways_on import WaysOn
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import CLASSIC, Binding, DestinationType, Noun, Queue

# A message that was routed just before its binding went may still be on its way into the queue.
SETTLE_SECONDS = 1.0

# RabbitMQ counts the messages of quorum queues for its API every 5 seconds only: after this pause the counts are
# younger than the last message that could come in (measured on 3.10 to 4.3).
QUORUM_SETTLE_SECONDS = 6.0

# Looked at together and deleted together: few enough that a look is never long ago when its queue goes.
_BATCH = 50


@dataclass(kw_only=True)
class DyingQueues:
    """The queues that are to go, and all bindings that are.

    1. `unbind` takes away the routes, but no way back from a queue's retry circuit.
    2. After a pause (`settle`), `look_again` sorts out what somebody has bound anew meanwhile.
    3. `delete` looks at each queue and its circuit. Where nothing is left, the ways back go, by which something
       might be published as well; after another pause it looks again, and deletes. What is busy by then gets its
       ways back again.

    What the circuits are is found out before anything is unbound: without a way back they cannot be seen.
    `index` is what exists, looked up; what drains is noted in the ledger.
    """

    queues: Sequence[Delete]
    bindings: Sequence[Delete]
    index: ExistingIndex
    broker: Broker
    ledger: Ledger
    watch: Watcher
    sleep: Callable[[float], None]
    circuits: dict[str, Circuit] = field(init=False)
    _ways_back: Mapping[Noun, frozenset[str]] = field(init=False)
    _unbound: Sequence[Delete] = field(default=(), init=False)
    _of_others: dict[str, Circuit] = field(default_factory=dict, init=False)
    _by_name: Mapping[str, Delete] = field(init=False)
    _by_noun: Mapping[Noun, Delete] = field(init=False)

    def __post_init__(self) -> None:
        self._by_name = {change.noun.name: change for change in self.queues}
        self._by_noun = {change.noun: change for change in self.bindings}
        self.circuits = {change.noun.name: circuit_of(change.noun.name, self.index) for change in self.queues}
        self._ways_back = {
            change.noun: queues
            for change in self.bindings
            if isinstance(change.noun, Binding) and (queues := self._comes_back_by(change.noun))
        }

    @property
    def existing(self) -> Existing:
        """How things were when they were last read."""
        return self.index.existing

    def unbind(self) -> None:
        """Delete the bindings that are no ways back of these queues."""
        routes = [change for change in self.bindings if not self._is_way_back(change)]
        self._unbind([change for change in routes if not self._still_comes_back(change)])

    def settle(self) -> None:
        """Wait until the counts of these queues and of their circuits can be believed."""
        self._pause(self.queues)

    def look_again(self, index: ExistingIndex) -> None:
        """Go on with what exists now, without the queues that somebody has bound or dead-letters to anew."""
        self.index = index
        for name, before in self.circuits.items():
            now = circuit_of(name, index)
            self.circuits[name] = Circuit(
                waiting=before.waiting | now.waiting, ways_back=before.ways_back | now.ways_back
            )
        self.queues = [change for change in self.queues if not self._is_still_reached(change)]

    def delete(self) -> None:
        """Delete those that are empty and unused, with their ways back."""
        try:
            self.queues = self._without_ways_back()
            self.watch.stage("deleting queues", len(self.queues))
            for batch in _batches(self.queues):
                self._delete(batch)
                self.watch.advance(len(batch))
        finally:
            # Whatever has stopped it: what did not go has to be reached.
            self._bind_again()
        for change in self.bindings:
            if self._is_way_back(change) and self.ledger.status(change.noun) is None:
                self._settle_way_back(change)

    def _is_way_back(self, change: Delete) -> bool:
        return change.noun in self._ways_back

    def _comes_back_by(self, binding: Binding) -> frozenset[str]:
        """The dying queues to which messages come back by a binding, be it to another exchange."""
        if binding.destination_type is DestinationType.QUEUE:
            circuit = self.circuits.get(binding.destination)
            comes_back = circuit is not None and binding in circuit.ways_back
            return frozenset({binding.destination} if comes_back else ())
        ahead = self._ahead.get(binding.destination, frozenset())
        return ahead if ahead and brings_dead_letters(binding.source, self.index) else frozenset()

    @cached_property
    def _ahead(self) -> Mapping[str, frozenset[str]]:
        return ahead_of_ways_back(self.circuits, self.index)

    def _still_comes_back(self, change: Delete) -> bool:
        """Whether messages have come to wait, that would come by this binding to a queue that stays."""
        binding = change.noun
        if not isinstance(binding, Binding) or binding.destination_type is not DestinationType.QUEUE:
            return False
        if binding.destination in self.circuits:
            return False
        if not self.existing.activity:
            return False
        # Thousands of orgs can have bindings to one shared queue.
        circuit = self._of_others.get(binding.destination)
        if circuit is None:
            circuit = circuit_of(binding.destination, self.index, stays=True)
            self._of_others[binding.destination] = circuit
        if binding not in circuit.ways_back:
            return False
        for name, there in sorted(self.broker.look(self.existing.vhost, circuit.waiting).items()):
            if there.messages or not there.counted:
                what = messages(there.messages) if there.counted else "what nobody has counted"
                self.ledger.note(change, Status.DRAINING, f"{what} in {shown(name)} may come back by it")
                return True
        return False

    def _unbind(self, changes: Sequence[Delete]) -> None:
        if not changes:
            return
        self.watch.stage("unbinding", len(changes))
        failures = self.broker.delete(self.existing, [change.noun for change in changes], self.watch.advance)
        self.ledger.applied(changes)
        self.ledger.failed(failures)

    def _is_still_reached(self, change: Delete) -> bool:
        """Whether a queue has a route yet, made anew or one that would not go; then it is noted as draining."""
        name = change.noun.name
        for binding in self.index.by_queue.get(name, ()):
            deletion = self._by_noun.get(binding)
            if deletion is None:
                self._drains(change, f"somebody has bound it anew: {shown(binding.name)}")
                return True
            if not self._is_way_back(deletion):
                self._drains(change, f"it is still bound: {shown(binding.name)} could not be deleted")
                return True
        senders = WaysOn(self.index).senders_by_name(name, lambda sender: sender not in self.circuits)
        if senders:
            self._drains(change, f"{shown(senders[0])} sends dead letters to it by now")
        return bool(senders)

    def _drains(self, change: Delete, reason: str, waits_for: WaitsFor = WaitsFor.TIME) -> None:
        self.ledger.note(change, Status.DRAINING, reason, waits_for=waits_for)

    def _pause(self, changes: Iterable[Delete]) -> None:
        names = {change.noun.name for change in changes}
        names |= {name for queue in tuple(names) for name in self.circuits[queue].waiting}
        types = {queue.type for name in names if (queue := self.existing.queues.get(name)) is not None}
        self.sleep(SETTLE_SECONDS if types <= {CLASSIC} else QUORUM_SETTLE_SECONDS)

    def _without_ways_back(self) -> Sequence[Delete]:
        """The queues that may go, after the ways back that do not go along with them have gone."""
        ways = [change for change in self.bindings if self._is_way_back(change) and change.along_with is None]
        if not ways:
            return self.queues
        needed = {name for way in ways for name in self._ways_back[way.noun]}
        bound = [change for change in self.queues if change.noun.name in needed]
        idle = [change for batch in _batches(bound) for change in self._idle(batch)]
        names = {change.noun.name for change in idle}
        # One that several queues need goes when all of them can.
        self._unbound = [way for way in ways if self._ways_back[way.noun] <= names]
        self._unbind(self._unbound)
        if idle and self.existing.activity:
            self._pause(idle)
        failed = {name: way for way in ways for name in self._ways_back[way.noun] if self._has_failed(way)}
        for change in idle:
            if (way := failed.get(change.noun.name)) is not None:
                self._drains(change, f"it is still bound: {shown(way.noun.name)} could not be deleted")
        going = names - failed.keys()
        return [one for one in self.queues if one.noun.name not in needed or one.noun.name in going]

    def _has_failed(self, change: Delete) -> bool:
        return self.ledger.status(change.noun) is Status.FAILED

    def _delete(self, changes: Sequence[Delete]) -> None:
        idle = self._idle(changes)
        if idle:
            failures = self.broker.delete(self.existing, [change.noun for change in idle], lambda _: None)
            self.ledger.applied(idle)
            self.ledger.failed(failures)
        # The broker looks too, at the moment of the deletion: what it keeps, for something has just come, drains.
        self._idle([change for change in idle if self.ledger.status(change.noun) is Status.FAILED])

    def _bind_again(self) -> None:
        """Give queues that did not go after all the ways back again that have gone."""
        standing = {
            name for name, change in self._by_name.items() if self.ledger.status(change.noun) is not Status.APPLIED
        }
        ways = {
            change.noun: change
            for change in self._unbound
            if not self._has_failed(change) and self._ways_back[change.noun] & standing
        }
        failures = self.broker.declare(self.existing.vhost, list(ways), lambda _: None) if ways else ()
        for way in ways.values():
            self._settle_way_back(way)
        for failure in failures:
            text = f"it was unbound, and could not be bound again: {failure.reason}"
            self.ledger.note(ways[failure.noun], Status.FAILED, text)

    def _settle_way_back(self, change: Delete) -> None:
        """A binding by which messages come back to queues shares their fate."""
        queues = [self._by_name[name] for name in sorted(self._ways_back[change.noun])]
        standing = [queue for queue in queues if self.ledger.status(queue.noun) is not Status.APPLIED]
        if standing:
            self._drains(change, f"it stays as long as {shown(standing[0].noun.name)} does")
        else:
            self.ledger.applied([change])

    def _idle(self, changes: Sequence[Delete]) -> list[Delete]:
        """Those of the queues that nothing speaks for; the others are noted as draining, with the counts.

        The circuit is looked at before the queue itself: what came back in between is then seen in the queue.
        """
        names = [change.noun.name for change in changes]
        waiting = {name for queue in names for name in self.circuits[queue].waiting}
        earlier = self._look([*names, *waiting])
        now = self._look(names)
        idle = []
        for change in changes:
            reason = self._busy(change.noun.name, earlier) or self._busy(change.noun.name, {**earlier, **now})
            if reason is not None:
                self._drains(change, reason)
            elif isinstance(change.noun, Queue) and (why := _unseen_consumers(change.noun, now)) is not None:
                self._drains(change, why, WaitsFor.AMQP)
            else:
                idle.append(change)
        return idle

    def _look(self, names: Sequence[str]) -> Mapping[str, Activity]:
        """What goes on in these queues. What is there and does not answer is not taken for empty."""
        found = self.broker.look(self.existing.vhost, names)
        silent = [name for name in names if name not in found and self.existing.activity]
        there = {name for name in silent if name in self.existing.queues and name not in self.circuits}
        return {**dict.fromkeys(there, Activity(counted=False)), **found}

    def _busy(self, queue: str, activity: Mapping[str, Activity]) -> str | None:
        circuit = self.circuits[queue]
        if (reason := busy(queue, circuit, activity)) is not None:
            return reason
        for name in sorted(circuit.waiting & self.circuits.keys()):
            if activity.get(name, Activity()).consumers:
                return f"somebody consumes {shown(name)}, and what is rejected there comes to it"
        return None


def _batches(changes: Sequence[Delete]) -> Iterator[Sequence[Delete]]:
    for start in range(0, len(changes), _BATCH):
        yield changes[start : start + _BATCH]


def _unseen_consumers(queue: Queue, now: Mapping[str, Activity]) -> str | None:
    """Classic queues are deleted `if-unused`, which the broker checks; the other types have no such flag."""
    activity = now.get(queue.name)
    if queue.type == CLASSIC or activity is None or activity.consumers is not None:
        return None
    return f"whether a {queue.type} queue has consumers can only be seen over AMQP, which cannot be reached"
