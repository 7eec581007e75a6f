"""Exchange, queue, binding, policy: what a topology is made of."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from proca_topo.topology.arguments import NO_ARGUMENTS, Arguments

CLASSIC: Final = "classic"
QUORUM: Final = "quorum"
STREAM: Final = "stream"

_UNDEFINED: Final = re.compile(r'(?<=[:,\[])"undefined"(?!:)')

OUR_PREFIX: Final = "proca-topo."
"""What the names of the lock and of holding queues begin with. No spec owns such a name."""


class Kind(StrEnum):
    """The kinds of objects, by the names that people and the plan's JSON use."""

    EXCHANGE = "exchange"
    QUEUE = "queue"
    BINDING = "binding"
    POLICY = "policy"


class DestinationType(StrEnum):
    """What a binding leads to, spelled as in RabbitMQ's definitions."""

    QUEUE = "queue"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """An exchange. `type` is RabbitMQ's name for it, a plugin's too (`x-consistent-hash`)."""

    name: str
    type: str
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    arguments: Arguments = NO_ARGUMENTS

    @property
    def alternate_exchange(self) -> str | None:
        """Where it sends what it cannot route, if set by argument."""
        return _name_in(self.arguments, "alternate-exchange")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue. Its type is a field of its own and never among the arguments.

    `type` None means "whatever the vhost's default is" and occurs only in what is desired; what the broker
    shows always has a type.
    """

    name: str
    durable: bool = True
    auto_delete: bool = False
    type: str | None = None
    arguments: Arguments = NO_ARGUMENTS

    def with_type_from(self, default_queue_type: str) -> "Queue":
        """The same queue with its type filled in the way RabbitMQ does at declare."""
        return self if self.type is not None else replace(self, type=self.type_from(default_queue_type))

    def type_from(self, default_queue_type: str) -> str:
        """The type that RabbitMQ gives it at declare.

        Queues that are transient or auto-delete stay classic whatever the vhost's default (measured on 4.x).
        """
        if self.type is not None:
            return self.type
        return default_queue_type if self.durable and not self.auto_delete else CLASSIC

    def is_like(self, shown: "Queue", default_queue_type: str) -> bool:
        """Whether the broker shows this desired queue as it should be."""
        return (
            self.arguments == shown.arguments
            and self.durable == shown.durable
            and self.auto_delete == shown.auto_delete
            and self.type_from(default_queue_type) == shown.type
        )

    @property
    def dead_letter_exchange(self) -> str | None:
        """The exchange that takes what is rejected or expires here, if set by argument."""
        return _name_in(self.arguments, "x-dead-letter-exchange")

    @property
    def dead_letter_routing_key(self) -> str | None:
        """The routing key that dead letters get, if set by argument; otherwise they keep theirs."""
        return _name_in(self.arguments, "x-dead-letter-routing-key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A binding. All its fields together are its identity, the arguments too."""

    source: str
    destination: str
    destination_type: DestinationType = DestinationType.QUEUE
    routing_key: str = ""
    arguments: Arguments = NO_ARGUMENTS

    def __hash__(self) -> int:
        # Of texts, which keep their hash. A plan of 20,000 bindings asks for 150,000 hashes.
        return hash((self.source, self.destination, self.routing_key, self.arguments.canonical))

    @property
    def name(self) -> str:
        """`source -[routing key]-> destination`, for people and for the plan's JSON."""
        return f"{self.source} -[{self.routing_key}]-> {self.destination}"

    @property
    def hides_others(self) -> bool:
        """Whether RabbitMQ's API could list no bindings with it there: a `~` in the key, and arguments."""
        return "~" in self.routing_key and bool(self.arguments)

    @property
    def may_lack_a_value(self) -> bool:
        """Whether an argument may have no value, which to a headers exchange means any value. RabbitMQ shows that
        as it shows the text "undefined" (3.10 to 4.3), and takes no null.
        """
        return bool(self.arguments) and _UNDEFINED.search(self.arguments.canonical) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A policy. `pattern` is an Erlang (PCRE) regular expression over queue or exchange names."""

    name: str
    pattern: str
    apply_to: str = "all"
    priority: int = 0
    definition: Arguments = NO_ARGUMENTS


Noun = Exchange | Queue | Binding | Policy


def kind_of(noun: Noun) -> Kind:
    """The kind of a noun."""
    match noun:
        case Exchange():
            return Kind.EXCHANGE
        case Queue():
            return Kind.QUEUE
        case Binding():
            return Kind.BINDING
        case Policy():
            return Kind.POLICY


def is_reserved(name: str) -> bool:
    """Whether RabbitMQ keeps this name for itself: the default exchange, `amq.*`, server-named queues."""
    return name == "" or name.startswith("amq.")


def is_for_our_use(name: str) -> bool:
    """Whether a name is one of those that a replacement or the lock uses."""
    return name.startswith(OUR_PREFIX)


def _name_in(arguments: Arguments, key: str) -> str | None:
    if key not in arguments.canonical:
        return None
    value = arguments.get(key)
    return value if isinstance(value, str) else None
