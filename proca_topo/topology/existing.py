"""What the broker shows of one vhost, and what it takes to say which part of it to look at."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from proca_topo.topology.nouns import CLASSIC, Binding, Exchange, Noun, Policy, Queue

PREDEFINED: Final = {
    exchange.name: exchange
    for exchange in (
        Exchange(name="amq.direct", type="direct"),
        Exchange(name="amq.fanout", type="fanout"),
        Exchange(name="amq.headers", type="headers"),
        Exchange(name="amq.match", type="headers"),
        Exchange(name="amq.topic", type="topic"),
        Exchange(name="amq.rabbitmq.trace", type="topic", internal=True),
    )
}
"""The exchanges that every vhost has."""

_LAST_NOT_COUNTING: Final = (4, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerIdentity:
    """Which broker this is. `location` is its management URL without credentials, or a file's path."""

    location: str
    version: str | None = None
    cluster_name: str | None = None

    @property
    def release(self) -> tuple[int, int]:
        """The first two numbers of its version, zeros where they are not known."""
        found = re.match(r"(\d+)(?:\.(\d+))?", self.version or "")
        return (int(found[1]), int(found[2] or 0)) if found else (0, 0)

    @property
    def major(self) -> int:
        """The first of them."""
        return self.release[0]

    @property
    def counts_rejections(self) -> bool:
        """Whether quorum queues count a rejection as a delivery (measured: on 4.3.6, not on 4.0.5 and 3.10.8)."""
        return self.release > _LAST_NOT_COUNTING

    @property
    def hides_what_is_down(self) -> bool:
        """Whether it finds no single queue on a node that is down, nor lists its bindings: RabbitMQ up to 3.x."""
        return self.major == 3  # noqa: PLR2004


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What is going on in a queue. `consumers` is None where it was not asked or cannot be known.

    `counted` is False where RabbitMQ does not tell how many messages there are: a stream's only with statistics, a
    quorum queue's not while its leader has no time.

    `dead` are the dead letters that a quorum queue with the strategy at-least-once keeps until their way on has
    taken them. Nobody can consume them, and they are lost with the queue, or once it has another strategy
    (measured on 3.10 and 4.3).
    """

    ready: int = 0
    unacknowledged: int = 0
    dead: int = 0
    consumers: int | None = None
    counted: bool = True

    @property
    def messages(self) -> int:
        """All messages that would go with the queue, also those that a consumer holds unacknowledged."""
        return self.ready + self.unacknowledged + self.dead


@dataclass(frozen=True, kw_only=True)
class Existing:
    """One vhost as the broker shows it, without exclusive and server-named queues and default-exchange bindings.

    `exclusive` are the names of queues that belong to one connection, or that the server has named: never ours,
    whatever their name, but messages reach them, and their bindings are there and keep an exchange in use.

    `bindings` maps each binding to RabbitMQ's own `properties_key`s for it, taken from the listing (more than one
    where int32 and int64 arguments make bindings that look alike; none where the broker is a file).
    `activity` has every queue of a broker that counts messages; a definitions file has none. `clients` names the
    connections that consume from a queue, of those queues only whose consumers are to be disconnected.
    `exchange_types` are those that exchanges can have there; None where it is a file, or does not tell.
    `operator_policies` are those of the vhost's operator, where it matters and the user may know them.
    `is_new` says that the vhost is not there yet: it is shown as it would be.
    """

    broker: BrokerIdentity
    vhost: str
    default_queue_type: str = CLASSIC
    exchanges: Mapping[str, Exchange] = field(default_factory=dict)
    queues: Mapping[str, Queue] = field(default_factory=dict)
    bindings: Mapping[Binding, tuple[str, ...]] = field(default_factory=dict)
    policies: Mapping[str, Policy] = field(default_factory=dict)
    activity: Mapping[str, Activity] = field(default_factory=dict)
    exclusive: frozenset[str] = frozenset()
    clients: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    exchange_types: frozenset[str] | None = None
    operator_policies: tuple[Policy, ...] = ()
    is_new: bool = False

    def shows(self, noun: Noun) -> bool:
        """Whether the vhost has this object just as it is described."""
        match noun:
            case Exchange():
                return self.exchanges.get(noun.name) == noun
            case Queue():
                there = self.queues.get(noun.name)
                return there is not None and noun.is_like(there, self.default_queue_type)
            case Binding():
                return noun in self.bindings
            case Policy():
                return self.policies.get(noun.name) == noun

    def hides_bindings_of(self, queue: str) -> bool:
        """Whether it may have bindings that the broker does not show now.

        Up to RabbitMQ 3.x those of a classic queue are not listed while its node is down, when nothing of it is
        counted either. They come back with the node.
        """
        there, activity = self.queues.get(queue), self.activity.get(queue)
        return (
            there is not None
            and there.type == CLASSIC
            and activity is not None
            and not activity.counted
            and self.broker.hides_what_is_down
        )

    def has(self, noun: Noun) -> bool:
        """Whether the vhost has an object of this kind and name, however it looks."""
        match noun:
            case Exchange():
                return noun.name in self.exchanges
            case Queue():
                return noun.name in self.queues
            case Binding():
                return noun in self.bindings
            case Policy():
                return noun.name in self.policies


def is_others(name: str, others: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a name is one of other orgs: of each expression a text is known that stands in all it matches."""
    # Thousands of orgs have more expressions than are worth compiling.
    patterns = (pattern for text, found in others.items() if text in name for pattern in found)
    return any(re.fullmatch(pattern, name) for pattern in patterns)


@dataclass(frozen=True, kw_only=True)
class Scope:
    r"""The part of a vhost that one or a few orgs live in: what to ask the broker for, and nothing else.

    The names and bindings are all that may exist or be wanted there. `name_patterns` are regular expressions
    (for `fullmatch`) for owned names that cannot be listed one by one, such as `acme\..*`; they need a listing.
    `reference_*` are what the orgs' objects lean on outside the orgs: read, never changed. `shared` are the
    names of what is declared for all orgs, and `others` texts that stand in names of the orgs outside, each with
    expressions for such names: they are not these orgs', though they match the `name_patterns`.
    """

    orgs: frozenset[str]
    exchanges: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    bindings: frozenset[Binding] = frozenset()
    policies: frozenset[str] = frozenset()
    name_patterns: tuple[str, ...] = ()
    reference_exchanges: frozenset[str] = frozenset()
    reference_queues: frozenset[str] = frozenset()
    reference_bindings: frozenset[Binding] = frozenset()
    reference_policies: frozenset[Policy] = frozenset()
    shared: frozenset[str] = frozenset()
    others: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def covers(self, name: str) -> bool:
        """Whether this name is one that the orgs may have."""
        if name in self.shared:
            return False
        if name in self.queues or name in self.exchanges or name in self.policies:
            return True
        matches = any(re.fullmatch(pattern, name) for pattern in self.name_patterns)
        return matches and not is_others(name, self.others)

    def holds(self, noun: Noun) -> bool:
        """Whether this object is one that the orgs may have; a binding also if it leads to a shared queue."""
        if isinstance(noun, Binding):
            return self.covers(noun.destination) or noun in self.bindings
        return self.covers(noun.name)
