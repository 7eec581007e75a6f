"""The second half of an apply: unbind, wait, look, and only then delete."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from proca_topo.apply.deleting_queues import DyingQueues
from proca_topo.apply.ledger import Ledger
from proca_topo.apply.policies import harmless
from proca_topo.apply.report import Status
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Change, Delete, Plan
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.pruning.living_by import in_need_of
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Policy, Queue


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
    """Make each Delete of `plan` that nothing is known of: bindings, queues, exchanges, policies; whether any was.

    `existing` is how things are now that everything is declared. A publish that overlaps the deletion of a queue
    can be confirmed and lost (measured), so a queue first loses its routes, then there is a pause, then it is
    looked at, its retry circuit too, and only what is empty and unused goes. What is not is noted as draining. The
    vhost is read again (`read`) after the pause: somebody may have bound a queue anew since it was planned to go.
    `desired` are the bindings that the spec wants.
    """
    deletions = [c for c in plan.to_do if isinstance(c, Delete) and ledger.status(c.noun) is None]
    if not deletions:
        return False
    index = ExistingIndex(existing, desired)
    bindings = [change for change in deletions if isinstance(change.noun, Binding)]
    dying = DyingQueues(
        queues=[change for change in deletions if isinstance(change.noun, Queue)],
        bindings=bindings,
        index=index,
        broker=broker,
        ledger=ledger,
        watch=watch,
        sleep=sleep,
    )
    dying.unbind()
    if existing.activity and dying.queues:
        dying.settle()
        existing = read()
        index = ExistingIndex(existing, desired)
        dying.look_again(index)
    dying.delete()
    standing = [
        c.noun for c in deletions if ledger.status(c.noun) is not Status.APPLIED and isinstance(c.noun, Queue)
    ]
    free = [
        c
        for c in deletions
        if isinstance(c.noun, (Exchange, Policy)) and not _still_needed(c, standing, index, ledger)
    ]
    exchanges = [c for c in free if isinstance(c.noun, Exchange)]
    _delete(exchanges, existing, broker, ledger, watch, title="deleting exchanges")
    left = [
        c.noun for c in deletions if ledger.status(c.noun) is not Status.APPLIED and isinstance(c.noun, Exchange)
    ]
    policies = [c for c in free if isinstance(c.noun, Policy) and not _still_needed(c, left, index, ledger)]
    in_turn: Iterable[Sequence[Change]] = [policies]
    if policies and existing.activity:
        in_turn = harmless(policies, read(), broker, ledger, read=read, deleting=True)
    for together in in_turn:
        _delete(together, existing, broker, ledger, watch, title="deleting policies")
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


def _still_needed(
    change: Change, standing: Sequence[Queue | Exchange], index: ExistingIndex, ledger: Ledger
) -> bool:
    """Whether what could not go yet needs this exchange or policy; then it is noted as draining."""
    one: Queue | Exchange | None = None
    match change.noun:
        case Exchange(name=name):
            one = next((one for one in standing if isinstance(one, Queue) and _is_used_by(one, name, index)), None)
        case Policy() as policy:
            one = in_need_of(policy, standing, index)
        case _:
            pass
    if one is None:
        return False
    ledger.note(change, Status.DRAINING, f"{shown(one.name)} needs it until it is gone")
    return True


def _is_used_by(queue: Queue, exchange: str, index: ExistingIndex) -> bool:
    """Whether a queue is bound to an exchange, or dead-letters to it."""
    bound = any(binding.source == exchange for binding in index.by_queue.get(queue.name, ()))
    return bound or any(one.exchange == exchange for one in index.dead_letters.get(queue.name, ()))
