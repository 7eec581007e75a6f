"""What becomes of what is owned but no longer desired: deleted, or retired until nothing can be lost."""

from collections.abc import Collection, Mapping
from typing import assert_never

from proca_topo.plan.changes import Change, Delete, Hazard, HazardCode, Retire
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.policies.effects import Effects, PolicyChanges
from proca_topo.plan.policies.federation import kept_for_upstreams
from proca_topo.plan.policies.under_operators import in_turn
from proca_topo.plan.pruning.awaited import kept_until_bound
from proca_topo.plan.pruning.keeping import kept
from proca_topo.plan.pruning.staying import Decision, Reason
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy, Queue


def prune(
    existing: Existing,
    desired: Desired,
    gone: Undesired,
    awaited: Collection[Binding] = (),
    already_set: Collection[Policy] = (),
) -> tuple[Change, ...]:
    """Decide for each undesired object whether it can be deleted or has to be retired.

    `awaited` are the bindings that are desired and held back, `already_set` the policies that are set before.

    | object   | deleted when                                                                             |
    |----------|------------------------------------------------------------------------------------------|
    | binding  | it is not a way back for messages that may be waiting, nor the last way on for dead       |
    |          | letters that a remaining queue still sends, or will by the policies that are set and      |
    |          | deleted in the same plan, nor the last of an exchange that RabbitMQ                       |
    |          | deletes with its last binding (auto-delete) and that nobody wants deleted                |
    | queue    | no messages, no consumers, nothing waiting in its circuit, no binding that has to stay,   |
    |          | and no remaining queue that dead-letters to it by its name                                |
    | exchange | no binding remains, and nothing that remains sends dead letters or unroutable ones to it, |
    |          | nor an upstream what it has                                                              |
    | policy   | no queue or exchange that stays for now needs it                                         |

    Deciding that something stays can make something else stay, so it goes round until nothing changes. What the
    spec protects is no matter for decision, nor what gets messages of another broker, nor what an awaited binding
    takes over from: it is held back, and to the rest it is there for good.
    """
    if not gone:
        return ()
    then = {**existing.policies, **{policy.name: policy for policy in already_set}}
    for policy in gone.policies:
        then.pop(policy.name, None)
    index = ExistingIndex.on_the_way_to(desired, existing, policies_then=then)
    protected = {
        **kept_until_bound(awaited, gone, index),
        **kept_for_upstreams(gone, index),
        **kept(desired, gone, index),
    }
    decision = Decision(existing=existing, desired=desired, gone=gone.without(protected), index=index)
    decision.settle()
    changes = _changes(decision, already_set)
    if not protected:
        return changes
    found: dict[Noun, Change] = {change.noun: change for change in changes}
    for noun, reason in protected.items():
        found[noun] = Delete(noun=noun, org=desired.org_of(noun), held_back=reason)
    return tuple(found[noun] for noun in gone.everything())


def _changes(decision: Decision, already_set: Collection[Policy]) -> tuple[Change, ...]:
    changes = PolicyChanges(
        policies=[policy for policy in decision.gone.policies if policy.name not in decision.policies],
        existing=decision.existing,
        deleting=True,
        already_set=already_set,
        arriving=decision.desired,
    )
    effects = in_turn(changes)
    return tuple(_change(noun, decision, effects) for noun in decision.gone.everything())


def _change(noun: Noun, decision: Decision, effects: Mapping[str, Effects]) -> Change:
    org = decision.desired.org_of(noun)
    if (why := _why_it_stays(noun, decision)) is not None:
        return Retire(noun=noun, org=org, reason=why.text, waits_for=decision.waits_for(why))
    match noun:
        case Binding():
            along = noun.destination if decision.goes_along(noun) else None
            return Delete(noun=noun, org=org, along_with=along)
        case Queue():
            bound = decision.bound.get(noun.name)
            return Delete(noun=noun, org=org, hazards=_queue_hazards(noun), held_back=bound)
        case Exchange():
            return Delete(noun=noun, org=org, hazards=(_CUT,), held_back=decision.blocked.get(noun.name))
        case Policy():
            cost = effects[noun.name]
            return Delete(noun=noun, org=org, hazards=cost.hazards, held_back=cost.held_back)
        case _:
            assert_never(noun)


def _why_it_stays(noun: Noun, decision: Decision) -> Reason | None:
    match noun:
        case Binding():
            return decision.bindings.get(noun)
        case Queue():
            return decision.queues.get(noun.name)
        case Exchange():
            return decision.exchanges.get(noun.name)
        case Policy():
            return decision.policies.get(noun.name)
        case _:
            assert_never(noun)


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
