"""What stays because the spec protects it, or because something that is protected needs it."""

from collections.abc import Mapping

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import DestinationType, Exchange, Noun, Queue


def kept(desired: Desired, gone: Undesired, index: ExistingIndex) -> Mapping[Noun, str]:
    """The undesired objects that no plan may touch, each with the reason.

    | object   | kept when                                                            |
    |----------|----------------------------------------------------------------------|
    | any      | `protect` covers it (a binding: its destination or its source)       |
    | queue    | a protected binding leads to it and would go with it                 |
    | exchange | a protected binding leads to it, or from it                          |
    | policy   | it is in force on a queue or an exchange that is kept                |

    What a kept queue needs besides (the circuit that its dead letters go through) stays as it does for any queue
    that is not deleted.
    """
    protection = desired.protected
    if not protection:
        return {}
    reasons = {noun: reason for noun in gone.everything() if (reason := protection.reason(noun)) is not None}
    queues = {queue.name: queue for queue in gone.queues}
    exchanges = {exchange.name: exchange for exchange in gone.exchanges}
    # Not only the undesired bindings: one that is ignored would go with its ends as well.
    for binding in index.existing.bindings:
        to_queue = binding.destination_type is DestinationType.QUEUE
        ends = (
            exchanges.get(binding.source),
            queues.get(binding.destination) if to_queue else exchanges.get(binding.destination),
        )
        if ends == (None, None) or (reason := protection.reason(binding)) is None:
            continue
        for end in ends:
            if end is not None:
                reasons.setdefault(end, f"{shown(binding.name)} needs it and is {reason}")
    return with_policies(reasons, gone, index)


def with_policies(reasons: Mapping[Noun, str], gone: Undesired, index: ExistingIndex) -> Mapping[Noun, str]:
    """What is kept, and the undesired policies that may be in force on it."""
    found = dict(reasons)
    standing = [noun for noun in reasons if isinstance(noun, (Queue, Exchange))]
    for policy in gone.policies if standing else ():
        for noun in standing:
            if policy in index.candidates(noun):
                found.setdefault(policy, f"{shown(noun.name)} needs it and stays: {reasons[noun]}")
    return found
