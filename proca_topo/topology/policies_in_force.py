"""Which policy is in force for a queue or an exchange, and what it makes of its arguments."""

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from proca_topo.topology.nouns import CLASSIC, QUORUM, STREAM, Exchange, Policy, Queue
from proca_topo.topology.policy_keys import depends_on_version, unknown_keys
from proca_topo.topology.policy_patterns import PolicyPattern, compiled, only_name

N = TypeVar("N", Queue, Exchange)


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Where a queue's rejected and expired messages go: the exchange ("" is the default one) and their key."""

    exchange: str
    routing_key: str | None


@dataclass(frozen=True, slots=True)
class _Entry:
    """A policy with what is asked of it again and again."""

    policy: Policy
    pattern: PolicyPattern
    keys: frozenset[str]

    def applies_to(self, noun: Queue | Exchange) -> bool:
        """Whether it is for this object, or may be."""
        if not is_meant(self.policy, self.pattern, noun):
            return False
        return isinstance(noun, Exchange) or not unknown_keys(noun.type, self.keys)

    def is_certain_of(self, noun: Queue | Exchange) -> bool:
        """Whether that it is for this object is certain."""
        if isinstance(noun, Queue) and depends_on_version(noun.type, self.keys):
            return False
        return self.pattern.is_certain_of(noun.name)


class PoliciesInForce:
    """A vhost's policies, to be asked which one counts. RabbitMQ applies one, that of the highest priority."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        # A policy for each org would otherwise be tried for each queue of each org.
        self._by_name: dict[str, list[_Entry]] = defaultdict(list)
        self._by_pattern: list[_Entry] = []
        for policy in policies:
            self._add(policy)

    def _add(self, policy: Policy) -> None:
        entry = _Entry(policy, compiled(policy.pattern), frozenset(policy.definition))
        # Which of two is the first must not depend on which was changed, and changed back.
        insort(self._entries_like(policy), entry, key=lambda one: one.policy.name)

    def _entries_like(self, policy: Policy) -> list[_Entry]:
        name = only_name(policy.pattern)
        return self._by_pattern if name is None else self._by_name[name]

    def change(self, before: Policy | None, after: Policy | None) -> None:
        """Let `before`, one of these, become `after`; None for one that is not there.

        In place, since thousands may change in one plan.
        """
        if before is not None:
            entries = self._entries_like(before)
            entries[:] = [entry for entry in entries if entry.policy != before]
        if after is not None:
            self._add(after)

    def policy_of(self, noun: Queue | Exchange, *, without: str | None = None) -> Policy | None:
        """The policy of the highest priority that is certain to match, None if there is none.

        `without` leaves one policy out by its name, as if it were gone.
        """
        return _certain(self._matching(noun, without), noun)

    def candidates(self, noun: Queue | Exchange, *, without: str | None = None) -> tuple[Policy, ...]:
        """The policies of which one is in force: more than one where Python cannot tell what RabbitMQ would match,
        or where several have the highest priority.
        """
        matching = self._matching(noun, without)
        return _candidates(matching, _certain(matching, noun))

    def possible(self, noun: Queue | Exchange) -> tuple[Policy | None, ...]:
        """The candidates; None among them where it may be that no policy is in force."""
        matching = self._matching(noun, None)
        certain = _certain(matching, noun)
        candidates = _candidates(matching, certain)
        return candidates if certain is not None else (*candidates, None)

    def alternates(self, exchange: Exchange) -> frozenset[str]:
        """The exchanges of which one takes what this one cannot route. An argument wins over a policy."""
        names = (alternate(exchange, policy) for policy in self.possible(exchange))
        return frozenset(name for name in names if name is not None)

    def dead_letters(self, queue: Queue) -> frozenset[DeadLetters | None]:
        """Where dead letters go, None for nowhere; several where the policy in force is not known."""
        return frozenset(dead_letters(queue, policy) for policy in self.possible(queue))

    def _matching(self, noun: Queue | Exchange, without: str | None) -> list[_Entry]:
        # `$` also matches before a line feed at the end.
        named = self._by_name.get(noun.name.removesuffix("\n"), ()) if self._by_name else ()
        return [
            entry
            for entry in (*named, *self._by_pattern)
            if entry.policy.name != without and entry.applies_to(noun)
        ]


def _certain(matching: Iterable[_Entry], noun: Queue | Exchange) -> Policy | None:
    certain = [entry.policy for entry in matching if entry.is_certain_of(noun)]
    return max(certain, key=lambda policy: policy.priority, default=None)


def _candidates(matching: Iterable[_Entry], certain: Policy | None) -> tuple[Policy, ...]:
    least = certain.priority if certain is not None else None
    return tuple(entry.policy for entry in matching if least is None or entry.policy.priority >= least)


def dead_letters(queue: Queue, policy: Policy | None) -> DeadLetters | None:
    """Where a queue's dead letters go with this policy in force.

    An argument wins over a policy; exchange by one of them and key by the other combine (measured).
    """
    arguments = queue.arguments.to_dict() if queue.arguments else {}
    definition = policy.definition.to_dict() if policy is not None else {}
    exchange = arguments.get("x-dead-letter-exchange", definition.get("dead-letter-exchange"))
    key = arguments.get("x-dead-letter-routing-key", definition.get("dead-letter-routing-key"))
    return DeadLetters(exchange=exchange, routing_key=key) if isinstance(exchange, str) else None


def alternate(exchange: Exchange, policy: Policy | None) -> str | None:
    """What takes what an exchange cannot route with this policy in force. An argument wins over a policy."""
    if exchange.alternate_exchange is not None:
        return exchange.alternate_exchange
    name = policy.definition.get(_ALTERNATE) if policy is not None else None
    return name if isinstance(name, str) else None


def refuses_when_full(queue: Queue, policy: Policy | None) -> bool:
    """Whether a full queue refuses what is published, and dead-letters nothing. An argument wins over a policy."""
    return _of_both("overflow", queue, policy) == "reject-publish"


def keeps_what_waits(queue: Queue, policy: Policy | None) -> bool:
    """Whether a queue that is over its limit refuses or dead-letters what comes, and drops nothing that waits.

    A quorum queue takes `reject-publish-dlx` for `drop-head` (measured on 3.10 and 4.3).
    """
    keeping = {"reject-publish", "reject-publish-dlx"} if queue.type == CLASSIC else {"reject-publish"}
    return _of_both("overflow", queue, policy) in keeping


def keeps_dead_letters(queue: Queue, policy: Policy | None) -> bool:
    """Whether dead letters stay in the queue as long as they have no way on.

    RabbitMQ does that for a quorum queue with a dead-letter exchange, the strategy at-least-once, and the overflow
    reject-publish (`dlh` in its rabbit_quorum_queue.erl; measured on 3.10, 4.0 and 4.3).
    """
    return (
        queue.type == QUORUM
        and _of_both("dead-letter-strategy", queue, policy) == "at-least-once"
        and refuses_when_full(queue, policy)
        and dead_letters(queue, policy) is not None
    )


def may_keep_dead_letters(queue: Queue, policies: Iterable[Policy]) -> bool:
    """Whether a queue with one of these policies may have the strategy that keeps them, whatever else it takes."""
    strategies = (
        queue.arguments.get("x-dead-letter-strategy"),
        *(policy.definition.get("dead-letter-strategy") for policy in policies),
    )
    return queue.type == QUORUM and "at-least-once" in strategies


def _of_both(key: str, queue: Queue, policy: Policy | None) -> object:
    by_argument = queue.arguments.get(f"x-{key}")
    return policy.definition.get(key) if by_argument is None and policy is not None else by_argument


def time_to_live(queue: Queue, policy: Policy | None) -> int | None:
    """The milliseconds after which a queue's messages expire."""
    return lowest_limit("message-ttl", queue, policy)


def lowest_limit(key: str, queue: Queue, policy: Policy | None) -> int | None:
    """What a limit of a queue is, None for none: the lesser of argument and policy (measured)."""
    both = (queue.arguments.get(f"x-{key}"), policy and policy.definition.get(key))
    return min((value for value in both if isinstance(value, int)), default=None)


def under(policy: Policy, named: Mapping[str, N]) -> list[N]:
    """The queues or exchanges that a policy is for, or may be. Not all are tried where it is for a single name."""
    entry = _Entry(policy, compiled(policy.pattern), frozenset(policy.definition))
    name = only_name(policy.pattern)
    # `$` also matches before a line feed at the end.
    names = named if name is None else (one for one in (name, f"{name}\n") if one in named)
    return [named[one] for one in names if entry.applies_to(named[one])]


def is_meant(policy: Policy, pattern: PolicyPattern, noun: Queue | Exchange) -> bool:
    """Whether a policy, its pattern compiled, is for this object or may be, if its type knows all the keys."""
    applies_to = policy.apply_to
    match noun:
        case Queue():
            kind_matches = applies_to in ("all", "queues") or applies_to == (
                "streams" if noun.type == STREAM else f"{noun.type}_queues"
            )
        case Exchange():
            kind_matches = applies_to in ("all", "exchanges")
    return kind_matches and pattern.may_match(noun.name)


_ALTERNATE: Final = "alternate-exchange"
