"""The first half of an apply: what is absent is declared, what can change in place is updated."""

from collections.abc import Callable, Iterator, Sequence

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.policies import harmless
from proca_topo.apply.report import Status
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Change, Declare, Plan, Update
from proca_topo.plan.policy_effects import setting_effects
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Policy, Queue

# So few objects are declared one by one, which makes the broker give a reason for each that it refuses.
_FEW = 20

_SILENTLY_SKIPPED = (
    "the broker accepted it without a word and does not show it; run plan to see what it has instead"
)


def declare(
    plan: Plan,
    broker: Broker,
    ledger: Ledger,
    watch: Watcher,
    read: Callable[[], Existing],
    *,
    after_replacement: bool = False,
) -> Existing | None:
    """Make every Declare and Update of `plan`, and read back what came of it; None if there were none.

    In this order: exchanges, policies, queues, bindings, and among those the ones that carry dead letters first.
    Policies come before queues and queues before bindings so that no message can reach a queue before its limits
    hold: a policy's TTL does not reach messages that are already in a queue. The bindings that are for
    `after_replacement` are left for a call of their own.
    """
    declared: list[Change] = []
    for title, stage in _stages(plan, after_replacement=after_replacement):
        ready = [change for change in stage if not _dependency_failed(change, ledger)]
        if title == "policies" and ready:
            ready = harmless(ready, setting_effects, read(), ledger)
        if ready:
            watch.stage(title, len(ready))
            failures = broker.declare(plan.vhost, [change.noun for change in ready], watch.advance)
            ledger.failed(failures)
            declared.extend(ready)
    if not declared:
        return None
    watch.stage("reading back", 0)
    existing = read()
    absent = [c for c in declared if ledger.status(c.noun) is None and not existing.shows(c.noun)]
    if absent:
        _ask_why(plan, absent, broker, ledger)
        existing = read()
    for change in declared:
        if ledger.status(change.noun) is None:
            if existing.shows(change.noun):
                ledger.applied([change])
            else:
                ledger.note(change, Status.FAILED, _SILENTLY_SKIPPED)
    return existing


def _stages(plan: Plan, *, after_replacement: bool) -> Iterator[tuple[str, list[Change]]]:
    changes: list[Change] = [
        change
        for change in plan.to_do
        if (isinstance(change, Declare) and change.after_replacement is after_replacement)
        or (isinstance(change, Update) and not after_replacement)
    ]
    yield "exchanges", [c for c in changes if isinstance(c.noun, Exchange)]
    yield "policies", [c for c in changes if isinstance(c.noun, Policy)]
    yield "queues", [c for c in changes if isinstance(c.noun, Queue)]
    bindings = [c for c in changes if isinstance(c.noun, Binding)]
    # The plan lists the bindings that carry dead letters first; a call of their own keeps that order in force.
    yield "dead-letter bindings", [c for c in bindings if _is_first(c)]
    yield "bindings", [c for c in bindings if not _is_first(c)]


def _is_first(change: Change) -> bool:
    return isinstance(change, Declare) and change.carries_dead_letters


def _dependency_failed(change: Change, ledger: Ledger) -> bool:
    """Whether what a binding needs was refused; then it is noted as not tried."""
    if not isinstance(change.noun, Binding):
        return False
    binding = change.noun
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
