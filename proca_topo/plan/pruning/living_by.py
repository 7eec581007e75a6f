"""What lives by a policy that nobody wants any more."""

from collections.abc import Iterable

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.nouns import Exchange, Policy, Queue
from proca_topo.topology.policies_in_force import alternate


def in_need_of(policy: Policy, nouns: Iterable[Queue | Exchange], index: ExistingIndex) -> Queue | Exchange | None:
    """The first of these that the policy is in force on and needed by, None if there is none.

    An exchange needs one only for its alternate: one that federates it has to go before it is replaced.
    """
    return next((one for one in nouns if _gives(policy, one) and policy in index.candidates(one)), None)


def _gives(policy: Policy, noun: Queue | Exchange) -> bool:
    return isinstance(noun, Queue) or alternate(noun, policy) != alternate(noun, None)
