"""Queues that nobody consumes: what is in them goes back to work after a time."""

from collections.abc import Collection, Mapping

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Queue, is_for_our_use

_TTL = "message-ttl"


def waiting_queues(index: ExistingIndex, known: Collection[str]) -> Mapping[str, int | None]:
    """The queues whose messages leave by time only, and how long that takes at most in milliseconds (None: nobody
    can tell).

    | the queue           | has consumers | has a time limit  | who sends to it   | it is one           |
    |---------------------|---------------|-------------------|-------------------|---------------------|
    | is `known` as one   | no            | any               | anybody           | yes                 |
    | is in no spec       | no            | for certain       | dead letters only | yes                 |
    | any                 | yes           | any               | anybody           | no: somebody works  |
    | is in no spec       | no            | any               | anybody           | no: that is work    |
    """
    found: dict[str, int | None] = {}
    for name in index.dead_letters:
        if index.existing.activity.get(name, Activity()).consumers or is_for_our_use(name):
            continue
        limits = _limits(index.existing.queues[name], index)
        longest = None if None in limits else max(limit for limit in limits if limit is not None)
        if name in known or (longest is not None and _gets_dead_letters_only(name, index)):
            found[name] = longest
    return found


def _gets_dead_letters_only(queue: str, index: ExistingIndex) -> bool:
    return all(
        any(exchange in index.dead_lettering_to for exchange in index.leading_to(binding.source))
        for binding in index.by_queue.get(queue, ())
    )


def _limits(queue: Queue, index: ExistingIndex) -> list[int | None]:
    """The longest that a message can be in a queue, for each policy that may be in force. None: for ever.

    Argument and policy together: the smaller one counts (measured).
    """
    by_policy = [policy.definition.get(_TTL) for policy in index.candidates(queue)]
    if index.policy_of(queue) is None:
        by_policy.append(None)
    found: list[int | None] = []
    for limit in by_policy:
        known = [age for age in (queue.arguments.get(f"x-{_TTL}"), limit) if isinstance(age, int)]
        found.append(min(known, default=None))
    return found
