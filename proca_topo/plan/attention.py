"""What goes on in the queues that are ours: (existing, desired) -> Status."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from proca_topo.plan.changes import Delete, Replacing, Retire
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.circuits import sending_to
from proca_topo.plan.messages.waiting import waiting_queues
from proca_topo.plan.planner import make_plan
from proca_topo.plan.replacing.queues import QueueReplacements
from proca_topo.plan.status import CircuitStatus, ExchangeStatus, QueueStatus, ReplacementStatus, State, Status
from proca_topo.plan.undesired import undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.exchange_holding import unfinished_exchanges
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.holding import unfinished
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import STREAM, Binding, DestinationType, Queue

_FINISHED_FIRST: Final = "its replacement, which was begun and has to be finished first"


def status_of(existing: Existing, desired: Desired) -> Status:
    """What goes on in the queues that are ours, for a desired state of single orgs in theirs only.

    | state      | a queue that                                                                           |
    |------------|----------------------------------------------------------------------------------------|
    | leaving    | is no longer desired, under this name at least                                         |
    | waiting    | nobody consumes nor publishes to, and whose messages come to another queue after a time |
    | unattended | has messages, and nobody consumes (a stream keeps its messages: it never is)           |
    | busy       | has messages, or may have some that RabbitMQ cannot count                              |
    | idle       | has none                                                                               |
    """
    look = _Look(existing=existing, desired=desired, index=ExistingIndex.on_the_way_to(desired, existing))
    queues = sorted(look.queues(), key=_attention)
    circuits = sorted(look.circuits(), key=lambda one: (-one.activity.messages, one.queue))
    scope = desired.scope
    return Status(
        broker=existing.broker,
        vhost=existing.vhost,
        orgs=tuple(sorted(scope.orgs)) if scope is not None else (),
        replacements=tuple(look.replacements()),
        queues=tuple(queues),
        circuits=tuple(circuits),
        absent=tuple(look.absent()),
        exchanges=tuple(look.exchanges()),
    )


def _attention(queue: QueueStatus) -> tuple[int, int, str]:
    return (list(State).index(queue.state), -queue.activity.messages, queue.name)


@dataclass(frozen=True, kw_only=True)
class _Look:
    existing: Existing
    desired: Desired
    index: ExistingIndex

    def queues(self) -> Iterator[QueueStatus]:
        for queue in self._ours:
            state = self._state(queue)
            reason, routes = self._leaving.get(queue.name, (None, 0))
            yield QueueStatus(
                name=queue.name,
                org=self._org_of(queue),
                state=state,
                activity=self._activity(queue.name),
                circuits=self._circuits_of.get(queue.name, ()),
                waits_for=reason,
                routes=routes,
            )

    def circuits(self) -> Iterator[CircuitStatus]:
        returning: dict[str, list[str]] = defaultdict(list)
        for name, waiting in self._circuits_of.items():
            for queue in waiting:
                returning[queue].append(name)
        for name, queues in returning.items():
            yield CircuitStatus(
                queue=name,
                org=self._org_of(self.existing.queues[name]),
                activity=self._activity(name),
                delay_milliseconds=self._waiting[name],
                returns_to=tuple(sorted(queues)),
            )

    def replacements(self) -> Iterator[ReplacementStatus]:
        scope = self.desired.scope
        for one in unfinished(self.existing):
            new = Queue(name=one.replaced.becomes)
            if scope is None or scope.covers(new.name) or scope.covers(one.replaced.was.name):
                held_back = self._held_back.get(one.replaced.was.name)
                yield ReplacementStatus(org=self._org_of(new), found=one, held_back=held_back)

    def exchanges(self) -> Iterator[ExchangeStatus]:
        for one in unfinished_exchanges(self.existing):
            if self.desired.scope is None or self.desired.scope.covers(one.replaced.was.name):
                yield ExchangeStatus(org=self.desired.org_of(one.replaced.was), found=one)

    def absent(self) -> Iterator[str]:
        for name in sorted(self.desired.queues):
            if name not in self.existing.queues and self.desired.renames.get(name) not in self.existing.queues:
                yield name

    @cached_property
    def _held_back(self) -> Mapping[str, str]:
        """Why replacements that were begun are not finished, by the names of the old queues."""
        plan = QueueReplacements(existing=self.existing, desired=self.desired, replacing=Replacing.FINISHING)
        changes = (plan.changes[name] for name in plan.begun)
        reasons = {change.replaced.was.name: change.held_back for change in changes if change.replaced is not None}
        return {name: reason for name, reason in reasons.items() if reason is not None}

    @cached_property
    def _ours(self) -> tuple[Queue, ...]:
        scope, owns = self.desired.scope, self.desired.ownership.owns_name
        return tuple(
            queue
            for name, queue in self.existing.queues.items()
            if name in self.desired.queues or (owns(name) and (scope is None or scope.covers(name)))
        )

    @cached_property
    def _new_names(self) -> Mapping[str, str]:
        return {old: new for new, old in self.desired.renames.items()}

    def _org_of(self, queue: Queue) -> str | None:
        renamed = self._new_names.get(queue.name)
        return self.desired.org_of(queue if renamed is None else Queue(name=renamed))

    def _activity(self, name: str) -> Activity:
        return self.existing.activity.get(name, Activity())

    def _state(self, queue: Queue) -> State:
        activity = self._activity(queue.name)
        if queue.name in self._leaving:
            return State.LEAVING
        if queue.name in self._waiting and queue.name in self._in_use:
            return State.WAITING
        if activity.ready and activity.consumers == 0 and queue.type != STREAM:
            return State.UNATTENDED
        return State.BUSY if activity.messages or not activity.counted else State.IDLE

    @cached_property
    def _leaving(self) -> Mapping[str, tuple[str | None, int]]:
        """What each queue that is no longer desired waits for, and how many bindings a prune takes from it.

        It is what a plan with --prune says: all that is declared and replaced before has its part in it.
        """
        gone = undesired(self.existing, self.desired).queues
        found: dict[str, tuple[str | None, int]] = {}
        if gone:
            routes: dict[str, int] = defaultdict(int)
            reasons: dict[str, str | None] = {}
            for change in make_plan(self.existing, self.desired, with_prune=True).changes:
                match change:
                    case Delete(
                        noun=Binding(destination_type=DestinationType.QUEUE) as binding,
                        along_with=None,
                        held_back=None,
                    ):
                        routes[binding.destination] += 1
                    case Retire(noun=Queue(name=name), reason=reason):
                        reasons[name] = reason
                    case Delete(noun=Queue(name=name), held_back=held_back):
                        reasons[name] = held_back
            found = {queue.name: (reasons.get(queue.name, _FINISHED_FIRST), routes[queue.name]) for queue in gone}
        for old, new in self._new_names.items():
            if old in self.existing.queues:
                found[old] = (f"apply --replace, by which it becomes {shown(new)}", 0)
        return found

    @cached_property
    def _waiting(self) -> Mapping[str, int | None]:
        return waiting_queues(self.index, self.desired.waiting)

    @cached_property
    def _circuits_of(self) -> Mapping[str, tuple[str, ...]]:
        """For each of our queues: those of the waiting queues from which messages can come to it."""
        if not self._waiting:
            return {}
        found = {
            queue.name: tuple(sorted(sending_to(queue.name, self._waiting.keys(), self.index)))
            for queue in self._ours
            if queue.name not in self._waiting
        }
        return {name: waiting for name, waiting in found.items() if waiting}

    @cached_property
    def _in_use(self) -> frozenset[str]:
        return frozenset(name for waiting in self._circuits_of.values() for name in waiting)
