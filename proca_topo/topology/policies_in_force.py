"""Which policy is in force for a queue or an exchange, and what it makes of its arguments."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from proca_topo.topology.nouns import STREAM, Exchange, Policy, Queue
from proca_topo.topology.policy_keys import depends_on_version, unknown_keys
from proca_topo.topology.policy_patterns import PolicyPattern, compiled, only_name


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Where a queue's rejected and expired messages go: the exchange ("" is the default one) and their key."""

    exchange: str
    routing_key: str | None


class PoliciesInForce:
    """A vhost's policies, to be asked which one counts. RabbitMQ applies one, that of the highest priority."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        # A policy for each org would otherwise be tried for each queue of each org.
        self._by_name: dict[str, list[tuple[Policy, PolicyPattern]]] = defaultdict(list)
        self._by_pattern: list[tuple[Policy, PolicyPattern]] = []
        for policy in policies:
            entry = (policy, compiled(policy.pattern))
            name = only_name(policy.pattern)
            (self._by_pattern if name is None else self._by_name[name]).append(entry)

    def policy_of(self, noun: Queue | Exchange, *, without: str | None = None) -> Policy | None:
        """The policy of the highest priority that is certain to match, None if there is none.

        `without` leaves one policy out by its name, as if it were gone.
        """
        certain = [policy for policy, regex in self._matching(noun, without) if _is_certain(policy, regex, noun)]
        return max(certain, key=lambda policy: policy.priority, default=None)

    def candidates(self, noun: Queue | Exchange, *, without: str | None = None) -> tuple[Policy, ...]:
        """The policies of which one is in force: more than one where Python cannot tell what RabbitMQ would match,
        or where several have the highest priority.
        """
        certain = self.policy_of(noun, without=without)
        least = certain.priority if certain is not None else None
        return tuple(p for p, _ in self._matching(noun, without) if least is None or p.priority >= least)

    def possible(self, noun: Queue | Exchange) -> tuple[Policy | None, ...]:
        """The candidates; None among them where it may be that no policy is in force."""
        candidates = self.candidates(noun)
        return candidates if self.policy_of(noun) is not None else (*candidates, None)

    def alternates(self, exchange: Exchange) -> frozenset[str]:
        """The exchanges of which one takes what this one cannot route. An argument wins over a policy."""
        if exchange.alternate_exchange is not None:
            return frozenset({exchange.alternate_exchange})
        values = (policy.definition.get(_ALTERNATE) for policy in self.candidates(exchange))
        return frozenset(name for name in values if isinstance(name, str))

    def dead_letters(self, queue: Queue) -> frozenset[DeadLetters | None]:
        """Where dead letters go, None for nowhere; several where the policy in force is not known."""
        return frozenset(dead_letters(queue, policy) for policy in self.possible(queue))

    def _matching(self, noun: Queue | Exchange, without: str | None) -> list[tuple[Policy, PolicyPattern]]:
        # `$` also matches before a line feed at the end.
        named = self._by_name.get(noun.name.removesuffix("\n"), ()) if self._by_name else ()
        return [
            (policy, regex)
            for policy, regex in (*named, *self._by_pattern)
            if policy.name != without and applies(policy, regex, noun)
        ]


def dead_letters(queue: Queue, policy: Policy | None) -> DeadLetters | None:
    """Where a queue's dead letters go with this policy in force.

    An argument wins over a policy; exchange by one of them and key by the other combine (measured).
    """
    exchange = queue.dead_letter_exchange
    key = queue.dead_letter_routing_key
    if policy is not None:
        exchange = exchange if exchange is not None else policy.definition.get("dead-letter-exchange")
        key = key if key is not None else policy.definition.get("dead-letter-routing-key")
    return DeadLetters(exchange=exchange, routing_key=key) if isinstance(exchange, str) else None


def time_to_live(queue: Queue, policy: Policy | None) -> int | None:
    """The milliseconds after which a queue's messages expire: the lesser of argument and policy (measured)."""
    both = (queue.arguments.get("x-message-ttl"), policy and policy.definition.get("message-ttl"))
    return min((value for value in both if isinstance(value, int)), default=None)


def applies(policy: Policy, pattern: PolicyPattern, noun: Queue | Exchange) -> bool:
    """Whether a policy, its pattern compiled, is for this queue or exchange; also where that is not certain."""
    if not is_meant(policy, pattern, noun):
        return False
    return isinstance(noun, Exchange) or not unknown_keys(noun.type, policy.definition)


def is_meant(policy: Policy, pattern: PolicyPattern, noun: Queue | Exchange) -> bool:
    """The same, whether or not this type of queue knows all its keys."""
    match noun:
        case Queue():
            kinds = {"all", "queues", f"{noun.type}_queues" if noun.type != STREAM else "streams"}
        case Exchange():
            kinds = {"all", "exchanges"}
    return policy.apply_to in kinds and pattern.may_match(noun.name)


def _is_certain(policy: Policy, pattern: PolicyPattern, noun: Queue | Exchange) -> bool:
    if isinstance(noun, Queue) and depends_on_version(noun.type, policy.definition):
        return False
    return pattern.is_certain_of(noun.name)


_ALTERNATE: Final = "alternate-exchange"
