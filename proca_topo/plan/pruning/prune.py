"""What becomes of what is owned but no longer desired: deleted, or retired until nothing can be lost."""

from collections.abc import Collection

from proca_topo.plan.changes import Change, Delete, Hazard, HazardCode, Retire
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.policies.effects import PolicyChanges
from proca_topo.plan.policies.federation import kept_for_upstreams
from proca_topo.plan.pruning.awaited import kept_until_bound
from proca_topo.plan.pruning.keeping import kept
from proca_topo.plan.pruning.staying import Decision
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Binding, Noun, Policy, Queue


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
    | policy   | no queue that is being retired needs it                                                  |

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
    found: list[Change] = []
    for binding in decision.gone.bindings:
        org = decision.desired.org_of(binding)
        if (why := decision.bindings.get(binding)) is not None:
            found.append(Retire(noun=binding, org=org, reason=why.text, waits_for=decision.waits_for(why)))
        else:
            along = binding.destination if decision.goes_along(binding) else None
            found.append(Delete(noun=binding, org=org, along_with=along))
    for queue in decision.gone.queues:
        org = decision.desired.org_of(queue)
        if (why := decision.queues.get(queue.name)) is not None:
            found.append(Retire(noun=queue, org=org, reason=why.text, waits_for=decision.waits_for(why)))
        else:
            bound = decision.bound.get(queue.name)
            found.append(Delete(noun=queue, org=org, hazards=_queue_hazards(queue), held_back=bound))
    for exchange in decision.gone.exchanges:
        org = decision.desired.org_of(exchange)
        if (why := decision.exchanges.get(exchange.name)) is not None:
            found.append(Retire(noun=exchange, org=org, reason=why.text, waits_for=decision.waits_for(why)))
        else:
            blocked = decision.blocked.get(exchange.name)
            found.append(Delete(noun=exchange, org=org, hazards=(_CUT,), held_back=blocked))
    effects = PolicyChanges(
        policies=[policy for policy in decision.gone.policies if policy.name not in decision.policies],
        existing=decision.existing,
        deleting=True,
        already_set=already_set,
        arriving=decision.desired,
    ).in_turn()
    for policy in decision.gone.policies:
        org = decision.desired.org_of(policy)
        if (why := decision.policies.get(policy.name)) is not None:
            found.append(Retire(noun=policy, org=org, reason=why.text, waits_for=decision.waits_for(why)))
        else:
            cost = effects[policy.name]
            found.append(Delete(noun=policy, org=org, hazards=cost.hazards, held_back=cost.held_back))
    return tuple(found)


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
