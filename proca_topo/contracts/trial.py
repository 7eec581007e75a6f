"""The topology as it is put on a broker to be tried: messages go where the spec says, and nothing takes long."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, DestinationType, Kind, Policy, Queue, is_reserved

DELAY_MILLISECONDS: Final = 200
"""What delays are shortened to, if they are longer."""

_TTL: Final = "message-ttl"
# Nothing of the trial comes near these. They are not left out: a policy without them would no longer hide another.
_NO_LIMIT: Final = {"max-length": 1_000_000_000, "max-length-bytes": 10**15, "expires": 86_400_000}


def for_trial(desired: Desired, orgs: Collection[str] | None) -> Desired:
    """What is shared and what is of these orgs (None: of all), to be declared in an empty vhost.

    Message TTLs are at most 200 ms. Limits of length, and of the time that a queue may be unused, are so large
    that all messages of the trial fit in at once, and queues stay without consumers. Bindings from exchanges that
    are somebody else's are left out, since these are not there.
    """
    chosen = desired if orgs is None else _of_orgs(desired, frozenset(orgs))
    return replace(
        chosen,
        queues={name: _queue(queue) for name, queue in chosen.queues.items()},
        bindings=frozenset(binding for binding in chosen.bindings if _can_be_made(binding, chosen)),
        policies={name: _policy(policy) for name, policy in chosen.policies.items()},
        renames={},
    )


def _of_orgs(desired: Desired, orgs: frozenset[str]) -> Desired:
    def is_chosen(kind: Kind, key: str | Binding) -> bool:
        org = desired.orgs.get(kind, {}).get(key)
        return org is None or org in orgs

    return replace(
        desired,
        exchanges={k: one for k, one in desired.exchanges.items() if is_chosen(Kind.EXCHANGE, k)},
        queues={k: one for k, one in desired.queues.items() if is_chosen(Kind.QUEUE, k)},
        bindings=frozenset(one for one in desired.bindings if is_chosen(Kind.BINDING, one)),
        policies={k: one for k, one in desired.policies.items() if is_chosen(Kind.POLICY, k)},
    )


def _can_be_made(binding: Binding, desired: Desired) -> bool:
    from_there = is_reserved(binding.source) or binding.source in desired.exchanges
    to_there = (
        binding.destination in desired.queues
        if binding.destination_type is DestinationType.QUEUE
        else binding.destination in desired.exchanges
    )
    return from_there and to_there


def _queue(queue: Queue) -> Queue:
    arguments = _eased(queue.arguments.to_dict(), prefix="x-")
    # One that deletes itself would go as soon as the first consumer does.
    return replace(queue, arguments=Arguments.of(arguments), auto_delete=False)


def _policy(policy: Policy) -> Policy:
    return replace(policy, definition=Arguments.of(_eased(policy.definition.to_dict(), prefix="")))


def _eased(settings: Mapping[str, Any], *, prefix: str) -> dict[str, Any]:
    eased = dict(settings)
    ttl = eased.get(prefix + _TTL)
    if isinstance(ttl, int):
        eased[prefix + _TTL] = min(ttl, DELAY_MILLISECONDS)
    for name, plenty in _NO_LIMIT.items():
        if prefix + name in eased:
            eased[prefix + name] = plenty
    return eased
