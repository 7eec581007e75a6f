"""Policies that lead dead letters, or what cannot be routed, of what is there already elsewhere than until now."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final

from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Exchange, Policy, Queue
from proca_topo.topology.policies_in_force import DeadLetters, PoliciesInForce, under

_KEYS: Final = frozenset({"dead-letter-exchange", "dead-letter-routing-key", "alternate-exchange"})

Ways = frozenset[DeadLetters]


def redirects(wanted: Collection[Policy], existing: Existing) -> Mapping[str, Ways]:
    """Of these policies, the names of those that are new or changed and redirect anything, and where to.

    A policy takes effect at once. One that loses an object, by another pattern or a lower priority, redirects too
    if that brings another one into force.
    """
    redirecting = [policy for policy in wanted if _may_redirect(policy, existing)]
    if not redirecting:
        return {}
    before = PoliciesInForce(existing.policies.values())
    then = {**existing.policies, **{policy.name: policy for policy in wanted}}
    after = PoliciesInForce(then.values())
    found: dict[str, Ways] = {}
    for policy in redirecting:
        was = existing.policies.get(policy.name)
        for noun in _under_either(policy, was, existing):
            if policy in after.candidates(noun) or (was is not None and was in before.candidates(noun)):
                now, until_now = ways_on(noun, after), ways_on(noun, before)
                if now != until_now:
                    # Where it is not certain what is in force now, it may be another one.
                    new = now - until_now if len(until_now) == 1 else now
                    ways = {way for way in new if way is not None}
                    found[policy.name] = found.get(policy.name, frozenset()).union(ways)
    return {name: ways for name, ways in found.items() if ways}


def ways_on(noun: Queue | Exchange, policies: PoliciesInForce) -> frozenset[DeadLetters | None]:
    """Where what leaves an object otherwise than by being routed or consumed may go, None for nowhere."""
    match noun:
        case Queue():
            return policies.dead_letters(noun)
        case Exchange():
            names = policies.alternates(noun)
            return frozenset(DeadLetters(exchange=name, routing_key=None) for name in names) or frozenset({None})


def _may_redirect(policy: Policy, existing: Existing) -> bool:
    was = existing.policies.get(policy.name)
    if was == policy:
        return False
    if _KEYS.intersection(policy.definition):
        return True
    # Other keys alone bring no other policy into force.
    return was is not None and any(_KEYS.intersection(one.definition) for one in existing.policies.values())


def _under_either(policy: Policy, was: Policy | None, existing: Existing) -> Iterator[Queue | Exchange]:
    for version in {policy, was} - {None}:
        if version is not None:
            yield from under(version, existing.queues)
            yield from under(version, existing.exchanges)
