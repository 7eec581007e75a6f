"""Policies that lead dead letters, or what cannot be routed, of what is there already elsewhere than until now."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Exchange, Policy, Queue
from proca_topo.topology.policies_in_force import DeadLetters, PoliciesInForce, alternate, dead_letters, under

_KEYS: Final = frozenset({"dead-letter-exchange", "dead-letter-routing-key", "alternate-exchange"})

Ways = frozenset[DeadLetters]


@dataclass(frozen=True, kw_only=True)
class Redirect:
    """Where a policy leads messages, and after which others it comes, lest it take their way from some."""

    ways: Ways
    after: frozenset[str]


def redirects(wanted: Collection[Policy], existing: Existing) -> Mapping[str, Redirect]:
    """Of these policies, the names of those that are new or changed and redirect anything, and how.

    A policy takes effect at once, whichever others are still to be set. One that loses an object, by another
    pattern or a lower priority, redirects too if that brings another one into force.
    """
    changed = [one for one in wanted if existing.policies.get(one.name) != one]
    return _Redirecting(changed, existing).found() if changed else {}


class _Redirecting:
    def __init__(self, changed: Collection[Policy], existing: Existing) -> None:
        self.existing = existing
        self.changed = {one.name: one for one in changed}
        self.before = PoliciesInForce(existing.policies.values())
        self.after = PoliciesInForce({**existing.policies, **self.changed}.values())
        # For each object the policies that leave it without a way until another one is set.
        self.hiding: dict[Queue | Exchange, set[str]] = defaultdict(set)

    def found(self) -> Mapping[str, Redirect]:
        # Without these keys no policy has anything to lose.
        any_now = any(_KEYS.intersection(one.definition) for one in self.existing.policies.values())
        ways: dict[str, Ways] = {}
        for policy in self.changed.values():
            if any_now or _KEYS.intersection(policy.definition):
                led = self._ways_of(policy)
                if led:
                    ways[policy.name] = led
        after: dict[str, set[str]] = defaultdict(set)
        todo = list(ways)
        while todo:
            name = todo.pop()
            for other in self._torn_without(self.changed[name]):
                if other not in ways:
                    ways[other] = frozenset()
                    todo.append(other)
                after[other].add(name)
        return {name: Redirect(ways=led, after=frozenset(after[name])) for name, led in ways.items()}

    def _ways_of(self, policy: Policy) -> Ways:
        """Where it leads messages that do not go there yet."""
        was = self.existing.policies.get(policy.name)
        found: set[DeadLetters | None] = set()
        for noun in self._under_either(policy, was):
            until_now = ways_on(noun, self.before)
            is_in_force = policy in self.after.candidates(noun)
            if is_in_force or (was is not None and was in self.before.candidates(noun)):
                now = ways_on(noun, self.after)
                if now != until_now:
                    # Where it is not certain what is in force now, it may be another one.
                    found |= now - until_now if len(until_now) == 1 else now
        for noun in self._under(policy):
            if self._wins_now(policy, noun):
                own, until_now = _way(noun, policy), ways_on(noun, self.before)
                if own not in until_now:
                    found.add(own)
                    if own is None:
                        self.hiding[noun].add(policy.name)
        return frozenset(way for way in found if way is not None)

    def _wins_now(self, policy: Policy, noun: Queue | Exchange) -> bool:
        """Whether it is in force, or may be, if it is the only one that is set."""
        other = self.before.policy_of(noun, without=policy.name)
        return other is None or other.priority <= policy.priority

    def _torn_without(self, policy: Policy) -> Iterator[str]:
        """The changed policies that would leave an object without a way if they were set before this one."""
        for noun in self._under(policy):
            if policy in self.after.candidates(noun):
                yield from self.hiding.get(noun, set()) - {policy.name}
                for old in self.before.candidates(noun):
                    if old.name in self.changed and old.name != policy.name:
                        yield old.name

    def _under_either(self, policy: Policy, was: Policy | None) -> Iterator[Queue | Exchange]:
        for version in {policy, was} - {None}:
            if version is not None:
                yield from self._under(version)

    def _under(self, policy: Policy) -> Iterator[Queue | Exchange]:
        yield from under(policy, self.existing.queues)
        yield from under(policy, self.existing.exchanges)


def ways_on(noun: Queue | Exchange, policies: PoliciesInForce) -> frozenset[DeadLetters | None]:
    """Where what leaves an object otherwise than by being routed or consumed may go, None for nowhere."""
    match noun:
        case Queue():
            return policies.dead_letters(noun)
        case Exchange():
            names = policies.alternates(noun)
            return frozenset(DeadLetters(exchange=name, routing_key=None) for name in names) or frozenset({None})


def _way(noun: Queue | Exchange, policy: Policy) -> DeadLetters | None:
    """The way that `ways_on` finds with this policy in force."""
    match noun:
        case Queue():
            return dead_letters(noun, policy)
        case Exchange():
            name = alternate(noun, policy)
            return DeadLetters(exchange=name, routing_key=None) if name is not None else None
