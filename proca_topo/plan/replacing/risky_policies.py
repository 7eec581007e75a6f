"""Policies that endanger what a replacement holds, or moves out of the old queue."""

from collections.abc import Iterable
from typing import Final

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import messages
from proca_topo.plan.messages.circuits import circuit_of
from proca_topo.plan.replacing.capacity import limits_of
from proca_topo.topology.deliveries import ENOUGH_DELIVERIES, LIMIT_BY_DEFAULT
from proca_topo.topology.holding import Holding
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM, Policy, Queue
from proca_topo.topology.policies_in_force import lowest_limit
from proca_topo.topology.policy_patterns import compiled

# What a policy may have that would drop what comes into a holding queue or waits there, or delete it.
_DROPPING: Final = frozenset({"expires", "max-length", "max-length-bytes", "message-ttl"})
_DELIVERY_LIMIT: Final = "delivery-limit"
# So many interruptions in a row may strike the same message while it is moved.
_LEAST_DELIVERIES: Final = 10


def why_holding_is_unsafe(was: Queue, policies: Iterable[Policy], *, filling: bool = False) -> str | None:
    """Which policy endangers what is held while this queue is replaced. While the new queue is
    `filling`, what a policy drops is best moved on.
    """
    names = Holding.of(was.name).queues
    for policy in policies:
        keys = set[str]() if filling else set(_DROPPING.intersection(policy.definition))
        if was.type == QUORUM and _is_few(policy.definition.get(_DELIVERY_LIMIT)):
            keys.add(_DELIVERY_LIMIT)
        pattern = compiled(policy.pattern)
        if keys and policy.apply_to not in {"exchanges", "streams"} and any(map(pattern.may_match, names)):
            return (
                f"the policy {shown(policy.name)} would give {', '.join(sorted(keys))} to the queue that holds"
                f" messages meanwhile, {shown(names[0])}: let its pattern leave out names that begin with"
                " 'proca-topo.'"
            )
    return None


def why_moving_is_unsafe(before: Queue, candidates: Iterable[Policy], waiting: int) -> str | None:
    """A quorum queue drops what was delivered too often, and an interrupted move delivers it again."""
    few = [limit for limit in limits_of(before, _DELIVERY_LIMIT, candidates) if _is_few(limit)]
    if before.type != QUORUM or not few or not waiting:
        return None
    return (
        f"its delivery limit of {min(few)} could drop some of {messages(waiting)} if moving them is interrupted so"
        " often: let it drain first"
    )


def why_retrying_is_unsafe(before: Queue, policies: Iterable[Policy | None], index: ExistingIndex) -> str | None:
    """A quorum queue of some versions counts rejections as deliveries: what its retry circuit has brought back
    often enough is dropped at the next interruption, and as a consumer is disconnected. One of the `policies` is
    in force, or none.
    """
    limits = (lowest_limit(_DELIVERY_LIMIT, before, policy) for policy in policies)
    known = (LIMIT_BY_DEFAULT if limit is None else limit for limit in limits)
    limit = min((limit for limit in known if 0 <= limit < ENOUGH_DELIVERIES), default=None)
    counts = before.type == QUORUM and index.existing.broker.counts_rejections
    if limit is None or not counts or not _is_retried(before.name, index):
        return None
    return (
        f"RabbitMQ {index.existing.broker.version} counts what its retry circuit brings back, and drops what has"
        f" reached its delivery limit of {limit} if moving it is interrupted: give it one of {ENOUGH_DELIVERIES}"
        " by a policy first"
    )


def _is_retried(queue: str, index: ExistingIndex) -> bool:
    """Once it was begun to replace a queue, what stands in for it has its bindings."""
    return any(circuit_of(name, index).waiting for name in (queue, Holding.of(queue).arriving))


def _is_few(limit: object) -> bool:
    # A negative number is no limit.
    return isinstance(limit, int) and 0 <= limit < _LEAST_DELIVERIES
