"""What the policies of a vhost's operator make of its queues, whatever arguments and other policies say."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce

# Of what an operator may limit, what decides where messages go.
_LIMITS: Final = ("message-ttl", "max-length", "max-length-bytes")


def with_operator_limits(queues: Mapping[str, Queue], operators: Iterable[Policy]) -> dict[str, Queue]:
    """The queues as if these limits were arguments of theirs: of several RabbitMQ takes the lowest (measured)."""
    in_force = PoliciesInForce(operators)
    return {name: _limited(queue, in_force.policy_of(queue)) for name, queue in queues.items()}


def _limited(queue: Queue, operator: Policy | None) -> Queue:
    if operator is None:
        return queue
    arguments = queue.arguments.to_dict()
    for limit in _LIMITS:
        both = (operator.definition.get(limit), arguments.get(f"x-{limit}"))
        lowest = min((value for value in both if isinstance(value, int)), default=None)
        if lowest is not None:
            arguments[f"x-{limit}"] = lowest
    return replace(queue, arguments=Arguments.of(arguments))
