"""What setting or deleting a policy does, at once, to what is there already."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from proca_topo.plan.busy import messages
from proca_topo.plan.changes import Hazard, HazardCode
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.federation import UpstreamLoss, why_not_changed
from proca_topo.plan.undesired import undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import STREAM, Policy, Queue
from proca_topo.topology.policies_in_force import under
from proca_topo.topology.policy_patterns import only_name


@dataclass(frozen=True, kw_only=True)
class Effects:
    """What a change of a policy can cost. `held_back` is set if it would drop messages that are waiting now."""

    hazards: tuple[Hazard, ...] = ()
    held_back: str | None = None


_NONE: Final = Effects()
_DLX: Final = "dead-letter-exchange"
_REMEDY: Final = "let the queue drain, or raise the limit"
# Nothing is taken out of it by who reads it, and no other limit makes it certain.
_STREAM_REMEDY: Final = "if what is in the stream may go, set the policy with `rabbitmqctl set_policy`"
_LIMITS: Final = frozenset({"expires", "max-age", "max-length", "max-length-bytes"})


def setting_effects(policy: Policy, existing: Existing, index: ExistingIndex) -> Effects:
    """What putting `policy` does, whether it is new or changed."""
    affected: list[tuple[Queue, Policy | None]] = []
    for queue in under(policy, existing.queues):
        other = index.policy_of(queue, without=policy.name)
        if other is None or other.priority <= policy.priority:
            affected.append((queue, policy))
    effects = _effects(affected, existing, index, what="takes effect at once on")
    return _with_upstreams(effects, why_not_changed(policy, policy, existing, index))


def removal_effects(policy: Policy, existing: Existing, index: ExistingIndex) -> Effects:
    """What deleting `policy` does: the next one that matches comes into force, or none."""
    affected: list[tuple[Queue, Policy | None]] = [
        (queue, after)
        for queue in under(policy, existing.queues)
        if policy in index.candidates(queue)
        for after in index.candidates(queue, without=policy.name) or (None,)
    ]
    keys = ", ".join(policy.definition)
    effects = _effects(affected, existing, index, what=f"takes {shown(keys)} at once from")
    return _with_upstreams(effects, why_not_changed(policy, None, existing, index))


def _with_upstreams(effects: Effects, loss: UpstreamLoss | None) -> Effects:
    """With what it costs on the upstreams of exchanges that are federated."""
    if loss is None:
        return effects
    hazard = Hazard(code=HazardCode.MESSAGES_AT_STAKE, message=loss.what)
    held_back = effects.held_back or f"{loss.what}: {loss.remedy}"
    return replace(effects, hazards=(*effects.hazards, hazard), held_back=held_back)


def _effects(
    affected: list[tuple[Queue, Policy | None]], existing: Existing, index: ExistingIndex, *, what: str
) -> Effects:
    if not affected:
        return _NONE
    count = len({queue.name for queue, _ in affected})
    queues = "1 queue" if count == 1 else f"{count} queues"
    hazard = Hazard(code=HazardCode.SETTINGS_CHANGE, message=f"{what} {queues}")
    found = ((queue, _loss(queue, after, existing, index)) for queue, after in affected)
    losses = [(queue, loss) for queue, loss in found if loss is not None]
    if not losses:
        return Effects(hazards=(hazard,))
    queue, loss = losses[0]
    loss += f" (and {len(losses) - 1} more)" if len(losses) > 1 else ""
    return Effects(
        hazards=(hazard, Hazard(code=HazardCode.MESSAGES_AT_STAKE, message=loss)),
        held_back=f"{loss}; {_STREAM_REMEDY if queue.type == STREAM else _REMEDY}",
    )


def may_cost(existing: Existing, desired: Desired, *, with_prune: bool) -> Collection[str]:
    """The queues on which a policy changes that may drop what waits there: worth a count of this moment."""
    changed = _changed(existing, desired)
    before = [there for policy in changed if (there := existing.policies.get(policy.name)) is not None]
    removed = undesired(existing, desired).policies if with_prune else ()
    policies = (*(p for p in changed if _LIMITS & set(p.definition)), *before, *removed)
    return frozenset(queue.name for policy in policies for queue in under(policy, existing.queues))


def reach_beyond(existing: Existing, desired: Desired) -> bool:
    """Whether a policy of single orgs that changes may be for other names: `^acme` is for acme2 too."""
    scope = desired.scope
    changed = _changed(existing, desired)
    before = [there for policy in changed if (there := existing.policies.get(policy.name)) is not None]
    names = [only_name(policy.pattern) for policy in (*changed, *before)]
    return scope is not None and any(name is None or not scope.covers(name) for name in names)


def _changed(existing: Existing, desired: Desired) -> list[Policy]:
    return [policy for name, policy in desired.policies.items() if existing.policies.get(name) != policy]


def _loss(queue: Queue, after: Policy | None, existing: Existing, index: ExistingIndex) -> str | None:
    """What waits in `queue` and would be lost with `after` in force (None: no policy).

    `expires` deletes a queue that nobody uses, with what is in it, `max-age` what is old in a stream. A shorter
    `max-length` drops from the head of a queue at the moment in which the policy is set, a smaller
    `max-length-bytes` may. A policy's TTL does not reach messages that are already in a queue (measured). Without
    its dead-letter exchange a queue drops what expires or is rejected.
    """
    activity = existing.activity.get(queue.name, Activity())
    if activity.counted and not activity.messages:
        return None
    amount = messages(activity.messages) if activity.counted else "uncounted messages"
    if _loses_dead_letters(queue, after, index):
        return f"{amount} in {shown(queue.name)} would be dropped, not dead-lettered, when they expire"
    return None if after is None else _over_limit(queue, after, activity, amount, index)


def _over_limit(queue: Queue, after: Policy, activity: Activity, amount: str, index: ExistingIndex) -> str | None:
    for key in ("expires", "max-age"):
        if key in after.definition:
            return f"{key} may delete {amount} in {shown(queue.name)}"
    ready = activity.ready
    limit = after.definition.get("max-length")
    if isinstance(limit, int) and limit < ready:
        return f"max-length {limit} would drop {ready - limit} of {messages(ready)} in {shown(queue.name)}"
    size = after.definition.get("max-length-bytes")
    if isinstance(size, int) and (ready or not activity.counted):
        sizes = [now.definition.get("max-length-bytes") for now in index.candidates(queue)]
        if not sizes or any(not isinstance(size_now, int) or size < size_now for size_now in sizes):
            return f"max-length-bytes {size} may drop some of {amount} in {shown(queue.name)}"
    return None


def _loses_dead_letters(queue: Queue, after: Policy | None, index: ExistingIndex) -> bool:
    if queue.dead_letter_exchange is not None or (after is not None and _DLX in after.definition):
        return False
    return any(_DLX in now.definition for now in index.candidates(queue))
