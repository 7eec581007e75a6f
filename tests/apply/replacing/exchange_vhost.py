"""One vhost with RabbitMQ's semantics, as far as the replacement of an exchange uses them, behind our own door.

What replaces exchanges runs against it as it is, not a description of it.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from proca_topo.broker.protocol import Around, Failure, Swap
from proca_topo.topology.exchange_holding import ALTERNATE
from proca_topo.topology.existing import Activity, BrokerIdentity, Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Policy, Queue

QUEUES: Final = ("one", "two", "rest", "another")
_HERE: Final = BrokerIdentity(location="a model", version="4.0.5")


@dataclass(frozen=True)
class Message:
    """What a message is routed by."""

    key: str
    number: int


@dataclass(frozen=True)
class Vhost:
    """What there is. A value: a change gives another one."""

    exchanges: frozenset[Exchange]
    bindings: frozenset[Binding]
    policies: frozenset[Policy] = frozenset()

    def exchange(self, name: str) -> Exchange | None:
        """The exchange of this name, if there is one."""
        return next((one for one in self.exchanges if one.name == name), None)

    def policy_on(self, name: str) -> Policy | None:
        """The policy that is in force on an exchange. The model knows only patterns that are one name."""
        matching = [one for one in self.policies if one.pattern.replace("\\", "") == f"^{name}$"]
        return max(matching, key=lambda one: one.priority, default=None)

    def with_noun(self, noun: Noun) -> "Vhost | None":
        """With an object declared; None where RabbitMQ refuses."""
        match noun:
            case Exchange():
                there = self.exchange(noun.name)
                if there is not None and there != noun:
                    return None
                return replace(self, exchanges=self.exchanges | {noun})
            case Binding():
                ends = [noun.source] + [noun.destination] * (noun.destination_type is DestinationType.EXCHANGE)
                if any(self.exchange(name) is None for name in ends):
                    return None
                return replace(self, bindings=self.bindings | {noun})
            case Policy():
                others = frozenset(one for one in self.policies if one.name != noun.name)
                return replace(self, policies=others | {noun})
            case Queue():
                raise AssertionError(noun)

    def without(self, noun: Noun, *, if_unused: bool = True) -> "Vhost | None":
        """With an object deleted; None where RabbitMQ refuses. What is gone is no failure."""
        match noun:
            case Exchange(name=name):
                if if_unused and any(one.source == name for one in self.bindings):
                    return None
                return replace(
                    self,
                    exchanges=frozenset(one for one in self.exchanges if one.name != name),
                    bindings=frozenset(one for one in self.bindings if name not in (one.source, one.destination)),
                )
            case Binding():
                return replace(self, bindings=self.bindings - {noun})
            case Policy():
                return replace(self, policies=frozenset(one for one in self.policies if one.name != noun.name))
            case Queue():
                raise AssertionError(noun)

    def reached(self, name: str, message: Message) -> frozenset[str]:
        """The queues that a message comes to which is published to this exchange: to each once."""
        found: set[str] = set()
        seen: set[str] = set()
        todo = [name]
        while todo:
            exchange = self.exchange(todo.pop())
            if exchange is None or exchange.name in seen:
                continue
            seen.add(exchange.name)
            matching = [one for one in self.bindings if _matches(exchange, one, message)]
            if not matching and (alternate := self._alternate(exchange)) is not None:
                todo.append(alternate)
            for binding in matching:
                if binding.destination_type is DestinationType.EXCHANGE:
                    todo.append(binding.destination)
                else:
                    found.add(binding.destination)
        return frozenset(found)

    def _alternate(self, exchange: Exchange) -> str | None:
        """An argument wins over a policy."""
        policy = self.policy_on(exchange.name)
        by_policy = policy.definition.get(ALTERNATE) if policy is not None else None
        return exchange.alternate_exchange or by_policy


def _matches(exchange: Exchange, binding: Binding, message: Message) -> bool:
    if binding.source != exchange.name:
        return False
    match exchange.type:
        case "fanout":
            return True
        case "direct":
            return binding.routing_key == message.key
        case "topic":
            return binding.routing_key in {"#", message.key}
        case "headers":
            return not binding.arguments or binding.arguments.get("n") == message.number
        case _:
            raise AssertionError(exchange)


class KilledError(BaseException):
    """The run is killed."""


@dataclass(kw_only=True)
class FakeBroker:
    """`Broker` and `Mover` as far as a replacement uses them. `after` is called after every single operation, with
    the number of operations so far, and may give another vhost or raise; `looking` before every look.
    """

    vhost: Vhost
    after: Callable[[int, Vhost], Vhost] = lambda _, vhost: vhost
    looking: Callable[[Vhost], None] = lambda _: None
    backwards: bool = False
    operations: int = field(default=0, init=False)

    def existing(self) -> Existing:
        """What a plan is made of."""
        return Existing(
            broker=_HERE,
            vhost="model",
            exchanges={one.name: one for one in sorted(self.vhost.exchanges, key=lambda one: one.name)},
            queues={name: Queue(name=name, type="classic") for name in QUEUES},
            bindings=dict.fromkeys(sorted(self.vhost.bindings, key=repr), ()),
            policies={one.name: one for one in self.vhost.policies},
            activity={name: Activity() for name in QUEUES},
        )

    def around(self, exchanges: Collection[str], policy: str) -> Around:
        self.looking(self.vhost)
        there = self.existing()
        in_force = {name: self.vhost.policy_on(name) for name in exchanges}
        return Around(
            existing=replace(
                there,
                exchanges={name: one for name, one in there.exchanges.items() if name in exchanges},
                policies={name: one for name, one in there.policies.items() if name == policy},
            ),
            in_force={name: one.name for name, one in in_force.items() if one is not None},
        )

    def policies(self) -> Sequence[Policy]:
        return [*self.vhost.policies]

    def lacking(self, _exchange: str, _ours: str) -> Sequence[str]:
        return ()

    def look(self, _vhost: str, queues: Collection[str]) -> Mapping[str, Activity]:
        return {queue: Activity(consumers=0) for queue in queues}

    def declare(self, _vhost: str, nouns: Sequence[Noun], _progress: object) -> Sequence[Failure]:
        return list(self._each(nouns, Vhost.with_noun))

    def delete(self, _existing: Existing, nouns: Sequence[Noun], _progress: object) -> Sequence[Failure]:
        return list(self._each(nouns, Vhost.without))

    def swap(self, order: Swap) -> None:
        """As if it could be torn apart between any two of its requests."""
        assert self.vhost.with_noun(order.before) == self.vhost, "another than was seen"
        gone = self.vhost.without(order.before, if_unused=False)
        assert gone is not None
        self._done(gone)
        assert not [*self._each([order.after], Vhost.with_noun)]
        assert not [*self._each(order.then_bind, Vhost.with_noun)]

    def _each(self, nouns: Sequence[Noun], change: Callable[[Vhost, Noun], Vhost | None]) -> Iterator[Failure]:
        for noun in self._sorted(nouns):
            changed = change(self.vhost, noun)
            if changed is None:
                yield Failure(noun=noun, reason="refused")
            else:
                self._done(changed)

    def _sorted(self, nouns: Collection[Noun]) -> Sequence[Noun]:
        """RabbitMQ is asked for several things at once: they may come in any order."""
        return sorted(nouns, key=repr, reverse=self.backwards)

    def _done(self, vhost: Vhost) -> None:
        self.vhost = vhost
        self.operations += 1
        self.vhost = self.after(self.operations, vhost)
