"""The first half of an apply: what is absent is declared, what can change in place is updated."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import assert_never

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.policies import harmless
from proca_topo.apply.report import Status
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Change, Declare, Delete, Plan, Replace, Retire, Update
from proca_topo.plan.declaring.dropped import fed_without, taking_dead_letters
from proca_topo.plan.declaring.new_queues import NewQueues, lacked_by_replacement
from proca_topo.plan.declaring.order import EXCHANGES, POLICIES, DeclaringOrder, Stage
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Policy, Queue, kind_of

# So few objects are declared one by one, which makes the broker give a reason for each that it refuses.
_FEW = 20

_SILENTLY_SKIPPED = (
    "the broker accepted it without a word and does not show it; run plan to see what it has instead"
)


def declare(
    plan: Plan,
    existing: Existing,
    broker: Broker,
    ledger: Ledger,
    watch: Watcher,
    *,
    read: Callable[[], Existing],
    after_replacement: bool = False,
) -> Existing | None:
    """Make every Declare and Update of `plan`, and read back what came of it; None if there were none.

    `existing` is what the plan was made of, and what `proca_topo.plan.declaring.order` finds the order from. What
    is for `after_replacement` is left for a call of its own, and relies on all that was made before.
    """
    declared: list[Change] = []
    due = [change for change in plan.to_do if _is_due(change, after_replacement=after_replacement)]
    order = DeclaringOrder(changes=plan.to_do if after_replacement else due, existing=existing)
    unreplaced = _unreplaced(plan, existing, ledger)
    for stage in order.stages() if due else ():
        changes = [c for c in stage.changes if _is_due(c, after_replacement=after_replacement)]
        ready = [change for change in changes if not _dependency_missing(change, unreplaced, ledger)]
        ready = _with_their_policies(ready, plan, existing, ledger)
        ready = _without_drops(ready, order, ledger)
        if stage.title == EXCHANGES and stage.relies_on:
            _, absent = _relied_on(stage, plan, broker, ledger, read=read)
            ready = _with_alternates(ready, absent, order, ledger)
        in_turn = _policies(ready, stage, plan, broker, ledger, read=read) if stage.title == POLICIES else [ready]
        for together in filter(None, in_turn):
            watch.stage(stage.title, len(together))
            failures = broker.declare(plan.vhost, [change.noun for change in together], watch.advance)
            ledger.failed(failures)
            declared.extend(together)
    if not declared:
        return None
    watch.stage("reading back", 0)
    now = read()
    absent = [change for change in _absent(declared, now) if ledger.status(change.noun) is None]
    if absent:
        _ask_why(plan, absent, broker, ledger)
        now = read()
    for change in declared:
        if ledger.status(change.noun) is None:
            if now.shows(change.noun):
                ledger.applied([change])
            else:
                ledger.note(change, Status.FAILED, _SILENTLY_SKIPPED)
    return now


def _is_due(change: Change, *, after_replacement: bool) -> bool:
    match change:
        case Declare() | Update():
            return change.after_replacement is after_replacement
        case Replace() | Retire() | Delete():
            return False
        case _:
            assert_never(change)


def _absent(changes: Iterable[Change], now: Existing) -> list[Change]:
    return [change for change in changes if not now.shows(change.noun)]


def _policies(
    ready: Sequence[Change],
    stage: Stage,
    plan: Plan,
    broker: Broker,
    ledger: Ledger,
    *,
    read: Callable[[], Existing],
) -> Iterator[Sequence[Change]]:
    """The policies of a stage that have what they rely on and cost nothing, those together that may be set so."""
    if not ready:
        return
    now, absent = _relied_on(stage, plan, broker, ledger, read=read)
    yield from harmless(_with_ways_on(ready, absent, ledger), now, broker, ledger, read=read, deleting=False)


def _relied_on(
    stage: Stage, plan: Plan, broker: Broker, ledger: Ledger, *, read: Callable[[], Existing]
) -> tuple[Existing, Sequence[Change]]:
    """The broker now, and what is absent of that on which a stage relies. Why it is, is known then."""
    now = read()
    if absent := _absent(stage.relies_on, now):
        unknown = [c for c in absent if ledger.status(c.noun) is None and not isinstance(c, Replace)]
        _ask_why(plan, unknown, broker, ledger)
        now = read()
    return now, _absent(stage.relies_on, now)


def _with_alternates(
    exchanges: Sequence[Change], absent: Sequence[Change], order: DeclaringOrder, ledger: Ledger
) -> list[Change]:
    """The exchanges without those that would drop what they cannot route: those are not tried.

    But for one that takes dead letters of what is there: without it all of these go on being dropped.
    """
    existing = order.existing
    taking = taking_dead_letters(existing.queues.values(), existing.policies.values()) if absent else ()
    not_there = {change.noun for change in absent}
    found = []
    for change in exchanges:
        lacking = [one for one in order.alternates.get(change.noun, ()) if one in not_there]
        if not lacking or change.noun.name in taking:
            found.append(change)
        else:
            what = f"{kind_of(lacking[0])} {shown(lacking[0].name)}"
            reason = f"what it cannot route would be dropped: {what} is not there"
            ledger.note(change, Status.NOT_TRIED, reason)
    return found


def _with_ways_on(policies: Sequence[Change], absent: Sequence[Change], ledger: Ledger) -> list[Change]:
    """The policies, if nothing is absent of what they lead messages to."""
    waiting = next((c for c in absent if ledger.status(c.noun) is Status.HELD_BACK), None)
    for policy in policies if absent else ():
        reason = f"it would lead messages to where {shown((waiting or absent[0]).noun.name)} is missing"
        if waiting is None:
            ledger.note(policy, Status.NOT_TRIED, reason)
        else:
            ledger.note(policy, Status.HELD_BACK, f"{reason}: that goes first")
    return [] if absent else [*policies]


def _with_their_policies(
    changes: Sequence[Change], plan: Plan, existing: Existing, ledger: Ledger
) -> list[Change]:
    """The changes without bindings to new queues that live by a policy which was not set: those are not tried."""
    not_set = _policies_not_set(plan, ledger)
    if not not_set or not any(isinstance(change.noun, Binding) for change in changes):
        return [*changes]
    queues = NewQueues(DeclaringOrder(changes=plan.to_do, existing=existing), not_set)
    found = []
    for change in changes:
        lacking = queues.lacks(change.noun) if isinstance(change.noun, Binding) else None
        if lacking is None:
            found.append(change)
        else:
            ledger.note(
                change, Status.NOT_TRIED, f"its queue lives by the policy {shown(lacking)}, which is not set"
            )
    return found


def _without_drops(changes: Sequence[Change], order: DeclaringOrder, ledger: Ledger) -> list[Change]:
    """The changes without bindings to queues whose dead letters would be dropped: those are not tried."""
    failed = ledger.not_made()
    lacking = fed_without(failed, changes, order) if failed else {}
    for change in changes:
        if (missing := lacking.get(change.noun)) is not None:
            what = f"{kind_of(missing)} {shown(missing.name)} is not there"
            ledger.note(change, Status.NOT_TRIED, f"its queue would drop what is rejected or expires: {what}")
    return [change for change in changes if change.noun not in lacking]


def hold_replacements(plan: Plan, existing: Existing, ledger: Ledger) -> None:
    """Hold back the replacements of what lives by a policy which was not set after all."""
    not_set = _policies_not_set(plan, ledger)
    if not not_set:
        return
    queues = NewQueues(DeclaringOrder(changes=plan.to_do, existing=existing), not_set)
    for change in plan.to_do:
        if isinstance(change, Replace) and (lacking := lacked_by_replacement(change, queues)) is not None:
            ledger.note(
                change, Status.HELD_BACK, f"it would live by the policy {shown(lacking)}, which is not set"
            )


def _policies_not_set(plan: Plan, ledger: Ledger) -> frozenset[str]:
    left = (Status.FAILED, Status.NOT_TRIED, Status.HELD_BACK)
    return frozenset(
        c.noun.name for c in plan.to_do if isinstance(c.noun, Policy) and ledger.status(c.noun) in left
    )


def _unreplaced(plan: Plan, existing: Existing, ledger: Ledger) -> frozenset[str]:
    """The queues that would be there now if their replacements had not turned out to be impossible."""
    return frozenset(
        change.noun.name
        for change in plan.to_do
        if isinstance(change, Replace)
        and isinstance(change.noun, Queue)
        and ledger.status(change.noun) is Status.HELD_BACK
        and not existing.has(change.noun)
    )


def _dependency_missing(change: Change, unreplaced: Collection[str], ledger: Ledger) -> bool:
    """Whether what a binding needs was refused, or is not there; then that is noted."""
    if not isinstance(change.noun, Binding):
        return False
    binding = change.noun
    if binding.destination in unreplaced and binding.destination_type is DestinationType.QUEUE:
        reason = f"its queue {shown(binding.destination)} is there once it is replaced, which is held back"
        ledger.note(change, Status.HELD_BACK, reason)
        return True
    ends = {("exchange", binding.source), (binding.destination_type.value, binding.destination)}
    for kind, name in sorted(ends):
        if ledger.failed_name(kind, name):
            ledger.note(change, Status.NOT_TRIED, f"its {kind} {shown(name)} could not be declared")
            return True
    return False


def _ask_why(plan: Plan, absent: Sequence[Change], broker: Broker, ledger: Ledger) -> None:
    """Declare again, few at a time, what an import has skipped: it answers 204 to what it leaves out."""
    for start in range(0, len(absent), _FEW):
        nouns = [change.noun for change in absent[start : start + _FEW]]
        ledger.failed(broker.declare(plan.vhost, nouns, lambda _: None))
