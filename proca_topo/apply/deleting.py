"""The second half of an apply: unbind, wait, look, and only then delete."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.policies import harmless
from proca_topo.apply.report import Status
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker
from proca_topo.plan.busy import busy
from proca_topo.plan.changes import Change, Delete, Plan, WaitsFor
from proca_topo.plan.circuits import Circuit, circuit_of
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.policy_effects import removal_effects
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import CLASSIC, Binding, Exchange, Noun, Policy, Queue

# A message that was routed just before its binding went may still be on its way into the queue.
SETTLE_SECONDS = 1.0

# RabbitMQ counts the messages of quorum queues for its API every 5 seconds only: after this pause the counts are
# younger than the last message that could come in (measured on 3.10 to 4.3).
QUORUM_SETTLE_SECONDS = 6.0

# Looked at together and deleted together: few enough that a look is never long ago when its queue goes.
_BATCH = 50


def delete(
    plan: Plan,
    existing: Existing,
    broker: Broker,
    ledger: Ledger,
    watch: Watcher,
    *,
    desired: Collection[Binding],
    read: Callable[[], Existing],
    sleep: Callable[[float], None] = time.sleep,
) -> bool:
    """Make every Delete of `plan`: bindings, queues, exchanges, policies; whether there was any.

    `existing` is how things are now that everything is declared. A publish that overlaps the deletion of a queue
    can be confirmed and lost (measured), so a queue first loses its routes, then there is a pause, then it is
    looked at, its retry circuit too, and only what is empty and unused goes. What is not is noted as draining. The
    vhost is read again (`read`) after the pause: somebody may have bound a queue anew since it was planned to go.
    `desired` are the bindings that the spec wants.
    """
    deletions = [change for change in plan.to_do if isinstance(change, Delete)]
    if not deletions:
        return False
    index = ExistingIndex(existing, desired)
    bindings = [c for c in deletions if isinstance(c.noun, Binding) and c.along_with is None]
    _delete(bindings, existing, broker, ledger, watch, title="unbinding")
    queues = [c for c in deletions if isinstance(c.noun, Queue)]
    if queues and existing.activity:
        sleep(_settle_seconds(queues, existing, index))
        existing = read()
        index = ExistingIndex(existing, desired)
        planned = {change.noun: change for change in deletions}
        queues = [c for c in queues if not _is_still_bound(c, index, planned, ledger)]
    watch.stage("deleting queues", len(queues))
    for start in range(0, len(queues), _BATCH):
        _delete_queues(queues[start : start + _BATCH], existing, index, broker, ledger)
        watch.advance(len(queues[start : start + _BATCH]))
    standing = [
        c.noun for c in deletions if ledger.status(c.noun) is not Status.APPLIED and isinstance(c.noun, Queue)
    ]
    _settle_ways_back(deletions, ledger)
    free = [
        c
        for c in deletions
        if isinstance(c.noun, (Exchange, Policy)) and not _still_needed(c, standing, index, ledger)
    ]
    exchanges = [c for c in free if isinstance(c.noun, Exchange)]
    _delete(exchanges, existing, broker, ledger, watch, title="deleting exchanges")
    policies = [c for c in free if isinstance(c.noun, Policy)]
    if policies and existing.activity:
        policies = harmless(policies, removal_effects, read(), ledger)
    _delete(policies, existing, broker, ledger, watch, title="deleting policies")
    return True


def _delete(
    changes: Sequence[Change], existing: Existing, broker: Broker, ledger: Ledger, watch: Watcher, *, title: str
) -> None:
    if not changes:
        return
    watch.stage(title, len(changes))
    failures = broker.delete(existing, [change.noun for change in changes], watch.advance)
    ledger.applied(changes)
    ledger.failed(failures)


def _is_still_bound(change: Change, index: ExistingIndex, planned: Mapping[Noun, Delete], ledger: Ledger) -> bool:
    """Whether a queue has a route yet, made anew or one that would not go; then it is noted as draining.

    Only the way back that goes with the queue may be left by now.
    """
    for binding in index.by_queue.get(change.noun.name, ()):
        deletion = planned.get(binding)
        if deletion is None:
            ledger.note(change, Status.DRAINING, f"somebody has bound it anew: {shown(binding.name)}")
            return True
        if deletion.along_with is None:
            ledger.note(change, Status.DRAINING, f"it is still bound: {shown(binding.name)} could not be deleted")
            return True
    return False


def _settle_seconds(changes: Sequence[Change], existing: Existing, index: ExistingIndex) -> float:
    """How long after unbinding the counts of these queues and of their circuits can be believed."""
    queues = [change.noun for change in changes if isinstance(change.noun, Queue)]
    waiting = {name for queue in queues for name in circuit_of(queue.name, index).waiting}
    involved = [*queues, *(existing.queues[name] for name in waiting if name in existing.queues)]
    return SETTLE_SECONDS if all(queue.type == CLASSIC for queue in involved) else QUORUM_SETTLE_SECONDS


def _delete_queues(
    changes: Sequence[Change], existing: Existing, index: ExistingIndex, broker: Broker, ledger: Ledger
) -> None:
    circuits = {c.noun.name: circuit_of(c.noun.name, index) for c in changes if isinstance(c.noun, Queue)}
    idle = _idle(changes, circuits, existing.vhost, broker, ledger)
    if not idle:
        return
    failures = broker.delete(existing, [change.noun for change in idle], lambda _: None)
    ledger.applied(idle)
    ledger.failed(failures)
    # The broker looks too, at the moment of the deletion: what it kept because something had just arrived drains.
    refused = [c for c in idle if ledger.status(c.noun) is Status.FAILED]
    if refused:
        _idle(refused, circuits, existing.vhost, broker, ledger)


def _idle(
    changes: Sequence[Change], circuits: dict[str, Circuit], vhost: str, broker: Broker, ledger: Ledger
) -> list[Change]:
    """Those of the queues that nothing speaks for; the others are noted as draining, with the counts.

    The circuit is looked at before the queue itself: what came back in between is then seen in the queue.
    """
    waiting = {name for circuit in circuits.values() for name in circuit.waiting}
    earlier = broker.look(vhost, [*circuits, *waiting])
    now = broker.look(vhost, list(circuits))
    idle = []
    for change in changes:
        if not isinstance(change.noun, Queue):
            continue
        queue = change.noun
        circuit = circuits[queue.name]
        reason = busy(queue.name, circuit, earlier) or busy(queue.name, circuit, {**earlier, **now})
        if reason is not None:
            ledger.note(change, Status.DRAINING, reason)
        elif (unseen := _unseen_consumers(queue, now.get(queue.name))) is not None:
            ledger.note(change, Status.DRAINING, unseen, waits_for=WaitsFor.AMQP)
        else:
            idle.append(change)
    return idle


def _unseen_consumers(queue: Queue, activity: Activity | None) -> str | None:
    """Classic queues are deleted `if-unused`, which the broker checks; the other types have no such flag."""
    if queue.type == CLASSIC or activity is None or activity.consumers is not None:
        return None
    return f"whether a {queue.type} queue has consumers can only be seen over AMQP, which cannot be reached"


def _settle_ways_back(deletions: Sequence[Change], ledger: Ledger) -> None:
    """A binding that goes with its queue shares its fate."""
    queues = {change.noun.name: change.noun for change in deletions if isinstance(change.noun, Queue)}
    for change in deletions:
        if not isinstance(change, Delete) or change.along_with is None:
            continue
        queue = queues.get(change.along_with)
        if queue is not None and ledger.status(queue) is Status.APPLIED:
            ledger.applied([change])
        else:
            ledger.note(change, Status.DRAINING, f"it stays as long as {shown(change.along_with)} does")


def _still_needed(change: Change, standing: Sequence[Queue], index: ExistingIndex, ledger: Ledger) -> bool:
    """Whether a queue that could not go yet needs this exchange or policy; then it is noted as draining."""
    for queue in standing:
        match change.noun:
            case Exchange():
                bound = any(b.source == change.noun.name for b in index.by_queue.get(queue.name, ()))
                letters = index.dead_letters.get(queue.name, ())
                needed = bound or any(one.exchange == change.noun.name for one in letters)
            case Policy():
                needed = change.noun in index.candidates(queue)
            case _:
                needed = False
        if needed:
            ledger.note(change, Status.DRAINING, f"{shown(queue.name)} needs it until it is gone")
            return True
    return False
