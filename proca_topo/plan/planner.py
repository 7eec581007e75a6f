"""(existing, desired) -> Plan."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from proca_topo.plan.changes import (
    Change,
    Declare,
    Plan,
    Replacing,
    Update,
)
from proca_topo.plan.counterpart import counterpart
from proca_topo.plan.declaring.alternates import NOT_ALL, without_alternate
from proca_topo.plan.declaring.doubled import bound_once_alone
from proca_topo.plan.declaring.dropped import dead_letter_carriers, fed_with_ways_on
from proca_topo.plan.declaring.passing_on import fed_if_passing_on
from proca_topo.plan.declaring.redirect_hazards import with_redirect_hazards
from proca_topo.plan.declaring.unrouted import declared_with_ways_on
from proca_topo.plan.differences import differences
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.policies.effects import PolicyChanges
from proca_topo.plan.policies.under_operators import in_turn
from proca_topo.plan.pruning.prune import prune
from proca_topo.plan.replacing.exchanges import ExchangeReplacements
from proca_topo.plan.replacing.once_replaced import once_replaced
from proca_topo.plan.replacing.queues import QueueReplacements
from proca_topo.plan.undesired import undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Policy, is_reserved
from proca_topo.topology.policy_keys import why_refused

_NEEDS_PRUNE = "deletions need --prune"
_FINISHED_FIRST = "the replacement of {} holds what it would drop: once that is finished, the next apply sets it"


def make_plan(
    existing: Existing,
    desired: Desired,
    *,
    with_prune: bool = False,
    replacing: Replacing = Replacing.FINISHING,
) -> Plan:
    """Everything that turns what exists into what is desired, in the order in which it is to be done.

    What is owned but not desired is always in the plan; without `with_prune` it is held back. So are replacements
    that `replacing` does not let apply make.
    """
    replacements = QueueReplacements(existing=existing, desired=desired, replacing=replacing)
    exchanges = ExchangeReplacements(existing=existing, desired=desired, replacing=replacing)
    lacking = without_alternate(existing, desired)
    declared = [
        *_exchange_changes(existing, desired, exchanges, lacking),
        *_policy_changes(existing, desired, replacements),
        *_queue_changes(existing, desired, replacements),
        *_binding_changes(existing, desired, replacements, exchanges, lacking.keys()),
    ]
    declared = _with_ways_on(fed_with_ways_on(declared, existing, desired), existing, desired)
    # Policies may lead to what that holds back, and hold back more.
    declared = _with_ways_on(with_redirect_hazards(declared, existing), existing, desired)
    afterwards = once_replaced(existing, declared)
    # What is finished only to go has one change at a time: the next apply decides on it.
    finished = frozenset(change.noun for made in (replacements, exchanges) for change in made.changes.values())
    awaited = [c.noun for c in declared if isinstance(c.noun, Binding) and c.held_back is not None]
    already_set = [c.noun for c in declared if isinstance(c.noun, Policy) and c.held_back is None]
    leaving = undesired(afterwards, desired).without(finished)
    gone = prune(afterwards, desired, leaving, awaited, already_set)
    if not with_prune:
        gone = tuple(c if c.held_back is not None else replace(c, held_back=_NEEDS_PRUNE) for c in gone)
    declared = bound_once_alone(declared, gone, ExistingIndex.on_the_way_to(desired, afterwards))
    scope = desired.scope
    # What was begun is finished though the spec may not want it any more.
    touched = sum(counterpart(change.noun, desired) is not None for change in declared)
    wanted = sum(map(len, (desired.exchanges, desired.queues, desired.bindings, desired.policies)))
    return Plan(
        broker=existing.broker,
        vhost=existing.vhost,
        changes=(*declared, *gone),
        unchanged=wanted - touched,
        orgs=tuple(sorted(scope.orgs)) if scope is not None else (),
        new_vhost=existing.is_new,
    )


def _with_ways_on(changes: Sequence[Change], existing: Existing, desired: Desired) -> list[Change]:
    return fed_if_passing_on(declared_with_ways_on(changes, existing, desired), existing, desired)


def _exchange_changes(
    existing: Existing, desired: Desired, replacements: ExchangeReplacements, lacking: Mapping[str, str]
) -> Iterator[Change]:
    yield from replacements.changes.values()
    for name, exchange in sorted(desired.exchanges.items()):
        if name not in existing.exchanges and name not in replacements.changes:
            yield Declare(noun=exchange, org=desired.org_of(exchange), held_back=lacking.get(name))


def _queue_changes(existing: Existing, desired: Desired, replacements: QueueReplacements) -> Iterator[Change]:
    yield from replacements.changes.values()
    for name, queue in sorted(desired.queues.items()):
        if name not in existing.queues and name not in replacements.changes:
            yield Declare(noun=queue, org=desired.org_of(queue))


def _policy_changes(existing: Existing, desired: Desired, replacements: QueueReplacements) -> Iterator[Change]:
    differing = {name: p for name, p in sorted(desired.policies.items()) if existing.policies.get(name) != p}
    if not differing:
        return
    changes = PolicyChanges(
        policies=differing.values(),
        existing=existing,
        arriving=desired,
        replaced=_replaced_now(replacements),
    )
    found = in_turn(changes)
    for name, policy in differing.items():
        before = existing.policies.get(name)
        effects = found[name]
        refused = why_refused(policy.definition, existing.broker.major)
        held_back = refused or effects.held_back
        if held_back is None and (queue := replacements.policies_to_wait.get(name)) is not None:
            held_back = _FINISHED_FIRST.format(shown(queue))
        org = desired.org_of(policy)
        if before is None:
            yield Declare(noun=policy, org=org, hazards=effects.hazards, held_back=held_back)
        else:
            yield Update(
                noun=policy,
                org=org,
                hazards=effects.hazards,
                held_back=held_back,
                differences=differences(before, policy),
            )


def _replaced_now(replacements: QueueReplacements) -> frozenset[str]:
    """The queues that an apply replaces, by the names that they have."""
    made = (change.replaced for change in replacements.changes.values() if change.held_back is None)
    return frozenset(replaced.was.name for replaced in made if replaced is not None)


def _binding_changes(
    existing: Existing,
    desired: Desired,
    replacements: QueueReplacements,
    exchanges: ExchangeReplacements,
    lacking: AbstractSet[str],
) -> Iterator[Change]:
    moved = frozenset((*replacements.moved(), *exchanges.moved()))
    absent = [b for b in desired.bindings if b not in existing.bindings and b not in moved]
    if not absent:
        return
    carriers = dead_letter_carriers(existing, desired)
    there = existing.exchanges.keys() | (desired.exchanges.keys() - lacking)
    absent.sort(
        key=lambda b: (b.source not in carriers, b.source, b.destination, b.routing_key, b.arguments.canonical)
    )
    for binding in absent:
        yield Declare(
            noun=binding,
            org=desired.org_of(binding),
            held_back=_missing_end(binding, there, existing, desired)
            or _unreplaced(binding, existing, replacements)
            or _unseen(binding, existing),
            carries_dead_letters=binding.source in carriers,
            after_replacement=_waits_for_its_queue(binding, existing, replacements, carriers)
            or exchanges.waits_for(binding),
        )


def _destination(binding: Binding) -> str | None:
    return binding.destination if binding.destination_type is DestinationType.QUEUE else None


def _waits_for_its_queue(
    binding: Binding, existing: Existing, replacements: QueueReplacements, carriers: Collection[str]
) -> bool:
    """Whether a binding is made by the replacement of its queue.

    A queue that is there already may be consumed from, so its dead letters need their way back at once. Any other
    binding might bring it what its replacement brings as well.
    """
    queue = _destination(binding)
    if queue not in replacements.begun and queue not in replacements.renamed:
        return False
    return queue not in existing.queues or binding.source not in carriers


def _unreplaced(binding: Binding, existing: Existing, replacements: QueueReplacements) -> str | None:
    """Why a binding waits for a queue that is not there before it is replaced."""
    change = replacements.changes.get(_destination(binding) or "")
    if change is None or change.held_back is None or binding.destination in existing.queues:
        return None
    return f"its queue {shown(binding.destination)} is there once it is replaced, which is held back"


def _unseen(binding: Binding, existing: Existing) -> str | None:
    """Why a binding that is not shown need not be absent."""
    queue = _destination(binding)
    if queue is None or not existing.hides_bindings_of(queue):
        return None
    return (
        f"its queue {shown(queue)} is on a node that is down, and until that is back RabbitMQ"
        f" {shown(existing.broker.version or '')} neither shows nor takes bindings of it"
    )


def _missing_end(binding: Binding, exchanges: Collection[str], existing: Existing, desired: Desired) -> str | None:
    """Why a binding has nothing to lead from or to once the `exchanges` are there."""
    remedy = NOT_ALL if desired.scope is not None else "declare it first"
    if binding.source not in exchanges and not is_reserved(binding.source):
        return f"its exchange {shown(binding.source)} does not exist on the broker; {remedy}"
    match binding.destination_type:
        case DestinationType.QUEUE:
            there = binding.destination in existing.queues or binding.destination in desired.queues
        case DestinationType.EXCHANGE:
            there = binding.destination in exchanges
    if there:
        return None
    return f"its {binding.destination_type} {shown(binding.destination)} does not exist on the broker; {remedy}"
