"""Exchanges and queues that get messages from another broker, the upstream, because a policy federates them.

What has not come over to an exchange yet waits in a queue on its upstream, `federation: NAME -> …`. RabbitMQ
deletes that queue, with all that is in it, whenever the policy in force on the exchange changes in any way, also
if another policy federates it the same. If the exchange is deleted, the queue stays and goes on filling. What a
federated queue has not got yet stays on the upstream whatever happens. (All measured on 3.10, 4.0 and 4.3.)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.undesired import Undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Exchange, Noun, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce, under

_KEYS: Final = frozenset({"federation-upstream", "federation-upstream-set", "federation-upstream-pattern"})


def why_not_replaced(
    noun: Exchange | Queue, policies: Iterable[Policy], desired: Desired | None = None
) -> str | None:
    """Why the replacement of what one of these policies federates could lose messages of its upstream."""
    by = _federating(PoliciesInForce(policies).candidates(noun))
    if by is None:
        return None
    spec = ", leave it out of the spec until then" if desired is not None and by.name in desired.policies else ""
    match noun:
        case Exchange():
            return (
                f"the policy {shown(by.name)} federates it, and replacing it takes another policy, with which"
                f" RabbitMQ drops what waits for it on its upstream: {_drained(noun)}, clear that policy{spec},"
                " and apply again"
            )
        case Queue():
            return (
                f"the policy {shown(by.name)} federates it, and messages may come from its upstream in the moment"
                f" in which it does not exist: clear that policy, which leaves them there{spec}, and apply again"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamLoss:
    """What RabbitMQ drops on an upstream, and what to do first."""

    what: str
    remedy: str


def why_not_changed(
    policy: Policy, after: Policy | None, existing: Existing, index: ExistingIndex
) -> UpstreamLoss | None:
    """What setting or deleting a policy drops on an upstream; `after` is None if it is deleted."""
    then: PoliciesInForce | None = None
    for version in (existing.policies.get(policy.name), after):
        for exchange in under(version, existing.exchanges) if version is not None else ():
            now = index.candidates(exchange)
            by = _federating(now)
            if by is None:
                continue
            # Made of all policies, and seldom needed.
            then = then or _with(policy.name, after, existing)
            if set(then.candidates(exchange)) != set(now):
                return UpstreamLoss(
                    what=f"{shown(exchange.name)} is federated by {shown(by.name)}, and with any change of its"
                    " policy RabbitMQ drops what waits for it on its upstream",
                    remedy=f"{_drained(exchange)}, clear the policy {shown(by.name)}, and apply again",
                )
    return None


def _with(name: str, after: Policy | None, existing: Existing) -> PoliciesInForce:
    others = [other for other in existing.policies.values() if other.name != name]
    return PoliciesInForce([*others, *(() if after is None else (after,))])


def kept_for_upstreams(gone: Undesired, index: ExistingIndex) -> Mapping[Noun, str]:
    """The undesired exchanges that are federated, and what is behind them, each with the reason to keep it."""
    reasons: dict[Noun, str] = {}
    for exchange in gone.exchanges:
        by = _federating(index.candidates(exchange))
        if by is None:
            continue
        reasons[exchange] = (
            f"the policy {shown(by.name)} federates it, and what comes for it on its upstream would wait there for"
            f" ever: {_drained(exchange)}, clear that policy, and apply again"
        )
        needed = (
            f"messages from the upstream of {shown(exchange.name)}, which the policy {shown(by.name)} federates,"
            " may still need it: that goes first"
        )
        for noun in gone.behind(exchange.name, index):
            reasons.setdefault(noun, needed)
    return reasons


def _federating(policies: Iterable[Policy]) -> Policy | None:
    return next((policy for policy in policies if _KEYS.intersection(policy.definition)), None)


def _drained(exchange: Exchange) -> str:
    name = shown(exchange.name)
    return f"stop the publishers there, let the queue 'federation: {name} -> …' on the upstream drain"
