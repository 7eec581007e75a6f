"""What becomes of the messages that a replacement holds, by what was in force when it began and what is now."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from proca_topo.plan.replacing.capacity import Capacity, capacity_of
from proca_topo.topology.holding import InForce, Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Queue
from proca_topo.topology.policies_in_force import PoliciesInForce, time_to_live

NO_POLICIES: Final = PoliciesInForce(())

_LIMITS: Final = frozenset({"expires", "max-length", "max-length-bytes"})
_TIME_TO_LIVE: Final = "message-ttl"


def in_force_now(
    was: Queue, becomes: Queue, policies: PoliciesInForce, limiting: PoliciesInForce, *, waits: bool
) -> InForce:
    """What is to be remembered as a replacement begins, with the policies of this moment, of which `limiting` are
    those of the operator.

    Where it cannot be told which of them is in force, any may be whose time to live is there from the beginning.
    Anything that `waits` in the old queue may be from before all of them, though.
    """
    old, new = (_possible(queue, policies, limiting) for queue in (was, becomes))
    drops = [one.drops for one in old]
    by_argument = None if _certain(drops) is None else time_to_live(was, None)
    dropped = by_argument if waits else _lowest(drops)
    return InForce(
        size=_certain(one.size for one in old),
        expires=_certain(one.expires for one in old),
        drops=dropped,
        drops_arrived=_lowest((dropped, *(one.drops for one in new))),
    )


def capacity_for_held(
    replaced: Replaced, queue: Queue, policies: PoliciesInForce, limiting: PoliciesInForce = NO_POLICIES
) -> Capacity:
    """The capacity of a queue for what is held for it, but for what would have cost that anyway.

    | limit                    | counts if it is narrower than                                              |
    |--------------------------|----------------------------------------------------------------------------|
    | number of messages       | nothing: it always counts                                                  |
    | bytes                    | that of the old queue when it began                                        |
    | `expires`                | that of the old queue when it began, or that of what holds the messages now |
    | time to live, of what    | that of the old queue when it began, of what has arrived since also that of |
    | nobody takes on          | the new one                                                                |

    Of what an older version has begun only the old queue's own arguments are known.
    """
    before = replaced.in_force
    known = capacity_of(replaced.was, (None,)) if before is None else before
    capacity = capacity_of(queue, policies.possible(queue), limiting.candidates(queue))
    capacity = capacity.compared_with(known, same_type=queue.type == replaced.was.type)
    if capacity.expires is None:
        return capacity
    holding = (Queue(name=name, type=replaced.was.type) for name in replaced.holding.queues)
    ends = [one.expires for each in holding for one in _possible(each, policies, limiting)]
    is_no_worse = all(end is not None and end <= capacity.expires for end in ends)
    return replace(capacity, expires=None) if is_no_worse else capacity


def why_neither_keeps(
    reason: str,
    as_it_was: Queue,
    policies: PoliciesInForce,
    limiting: PoliciesInForce = NO_POLICIES,
    *,
    dropped: bool,
) -> str:
    """The sentence where the wanted queue does not keep what is held, for this reason, and the old one neither."""
    how = _how_to_keep(as_it_was, policies, limiting, dropped=dropped)
    return f"{reason}, and the queue as it was would not keep them either: {how}"


def why_not_put_into(
    there: Queue, reason: str, policies: PoliciesInForce, limiting: PoliciesInForce = NO_POLICIES
) -> str:
    """The sentence where the queue that is there already would drop what is held, for this reason."""
    how = _how_to_keep(there, policies, limiting, dropped=True, is_there=True)
    return f"{shown(there.name)} is there already, and {reason}: {how}"


def _how_to_keep(
    queue: Queue,
    policies: PoliciesInForce,
    limiting: PoliciesInForce,
    *,
    dropped: bool,
    is_there: bool = False,
) -> str:
    """The remedy where a queue would not keep what is held for it: that would be `dropped` when it expires, or is
    too much for another limit. One that `is_there` already has its arguments for life.
    """
    keys = {_TIME_TO_LIVE} if dropped else _LIMITS
    names = [*_names("the policy", policies, queue, keys), *_names("the operator policy", limiting, queue, keys)]
    where = " and ".join(names)
    if not dropped:
        limits = f"in the spec or in {where}" if where else "in the spec"
        return f"raise its limits {limits}, or take them out until it has drained, and apply again"
    if where or not is_there:
        first = f"take the message-ttl out of {where or 'the spec'}, or give the queue a dead-letter exchange"
    else:
        first = "give it a dead-letter exchange by a policy, or delete it if nothing in it is needed"
    return f"{first}, and apply again"


def _names(what: str, policies: PoliciesInForce, queue: Queue, keys: Collection[str]) -> list[str]:
    found = (
        policy for policy in policies.candidates(queue) if not policy.definition.to_dict().keys().isdisjoint(keys)
    )
    return [f"{what} {shown(policy.name)}" for policy in found]


def _possible(queue: Queue, policies: PoliciesInForce, limiting: PoliciesInForce) -> Collection[Capacity]:
    """The capacities of which it has one."""
    kinds = policies.possible(queue), limiting.possible(queue)
    limits = [() if limit is None else (limit,) for limit in kinds[1]]
    return [capacity_of(queue, (one,), limit) for one in kinds[0] for limit in limits]


def _lowest(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _certain(limits: Iterable[int | None]) -> int | None:
    """The limit that is in force in any case, where one of these is."""
    found = list(limits)
    return None if None in found else max(limit for limit in found if limit is not None)
