"""Queues that are new, and the policies that they live by."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from proca_topo.plan.changes import Change, Declare, Replace
from proca_topo.plan.declaring.order import DeclaringOrder
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Kind, Policy, Queue
from proca_topo.topology.policies_in_force import DeadLetters, PoliciesInForce, dead_letters, time_to_live

Fate = tuple[DeadLetters | None, int | None]
"""Where a queue's dead letters go, and after how many milliseconds its messages expire."""


class NewQueues:
    """The queues that are new by the changes of `order`, if the policies `left_out` are not set."""

    def __init__(self, order: DeclaringOrder, left_out: Collection[str]) -> None:
        self._order = order
        self._left_out = left_out
        now = order.existing.policies
        then = {policy.name: policy for policy in order.by_noun if isinstance(policy, Policy)}
        made = {name: policy for name, policy in then.items() if name not in left_out}
        self._now = PoliciesInForce(now.values())
        self._planned = PoliciesInForce({**now, **then}.values())
        self._actual = PoliciesInForce({**now, **made}.values())

    def lacks(self, binding: Binding) -> str | None:
        """The policy without which what comes by this binding to a new queue does not leave it as is planned."""
        queue = self._order.new.get((Kind(binding.destination_type), binding.destination))
        return self.lacks_itself(queue) if isinstance(queue, Queue) else None

    def lacks_itself(self, queue: Queue, before: Queue | None = None) -> str | None:
        """The policy without which what is in a queue that the plan makes does not leave it as is planned.

        None too if it leaves it as it does `before`.
        """
        noun = queue.with_type_from(self._order.existing.default_queue_type)
        goes_on = before is not None and fate(noun, self._actual) == fate(before, self._now)
        if goes_on or fate(noun, self._planned) == fate(noun, self._actual):
            return None
        return self._left_out_of(noun)

    def lacks_alternate(self, exchange: Exchange, before: Exchange) -> str | None:
        """The policy without which an exchange has no alternate, though it is to have one as the one before."""
        is_lost = self._now.alternates(before) and not self._actual.alternates(exchange)
        return self._left_out_of(exchange) if is_lost and self._planned.alternates(exchange) else None

    def _left_out_of(self, noun: Queue | Exchange) -> str | None:
        may_count = (*self._planned.candidates(noun), *self._actual.candidates(noun))
        return next((policy.name for policy in may_count if policy.name in self._left_out), None)


def unbound_without_policies(changes: Sequence[Change], existing: Existing) -> list[Change]:
    """The changes, what leads to a new queue held back where a policy is that the queue lives by.

    Without it the queue would drop what expires or is rejected, or keep for ever what is to wait. For the same
    reason nothing is moved into a queue by a replacement that begins, and no exchange replaced by one that would
    drop what it cannot route.
    """
    held_back = {c.noun.name for c in changes if isinstance(c.noun, Policy) and c.held_back is not None}
    if not held_back:
        return list(changes)
    queues = NewQueues(DeclaringOrder(changes=changes, existing=existing), held_back)
    return [_judged(change, queues) for change in changes]


def _judged(change: Change, queues: NewQueues) -> Change:
    if change.held_back is not None:
        return change
    match change:
        case Declare(noun=Binding() as binding) if (lacking := queues.lacks(binding)) is not None:
            name = binding.destination
            why = f"its queue {shown(name)} lives by the policy {shown(lacking)}, which is held back"
        case Replace() if (lacking := lacked_by_replacement(change, queues)) is not None:
            why = f"it would live by the policy {shown(lacking)}, which is held back: that goes first"
        case _:
            return change
    return replace(change, held_back=why)


def lacked_by_replacement(change: Replace, queues: NewQueues) -> str | None:
    """The policy that has to be set before something is replaced. What was begun is finished in any case."""
    if change.unfinished is not None:
        return None
    match change.noun, change.replaced:
        case Exchange(), ReplacedExchange(was=before):
            return queues.lacks_alternate(change.noun, before)
        case Queue(), replaced:
            return queues.lacks_itself(change.noun, replaced.was if isinstance(replaced, Replaced) else None)
        case _:
            return None


def fate(queue: Queue, policies: PoliciesInForce) -> frozenset[Fate]:
    """How what is in a queue leaves it; several where the policy in force is not known."""
    return frozenset((dead_letters(queue, one), time_to_live(queue, one)) for one in policies.possible(queue))
