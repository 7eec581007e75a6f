"""What a broker can do for the layers above, be it a management API or a definitions file."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from proca_topo.topology.existing import Activity, Existing, Scope
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy, Queue

if TYPE_CHECKING:
    from proca_topo.broker.moving.inspecting import Inspected
    from proca_topo.broker.moving.move import Move, Moved

Progress = Callable[[int], None]
"""Told how many more objects are done, as they are done. May be called from any thread.

What it raises ends the call, after the requests that are under way.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An object that the broker would not take or give up, and its reason (one line, safe to print)."""

    noun: Noun
    reason: str


class Lock(Protocol):
    """The right to be the only apply in a vhost."""

    def check(self) -> None:
        """Raises `BrokerError` if it was lost."""
        ...

    def release(self) -> None:
        """Give it back. What ends the process gives it back too."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A connection that consumes: its name in RabbitMQ (its address), its user, and what it calls itself."""

    connection: str
    user: str | None
    calls_itself: str | None

    @property
    def text(self) -> str:
        """All of that in a few words, safe to print."""
        user = f"user {shown(self.user)}" if self.user is not None else "an unknown user"
        name = f"{shown(self.calls_itself)}, " if self.calls_itself is not None else ""
        return f"{shown(self.connection)} ({name}{user})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """Some exchanges with their bindings in both directions and, if it is there, one policy, as they are now.

    `in_force` has the policy that is in force on each exchange that has one.
    """

    existing: Existing
    in_force: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """An exchange to be deleted as it is `before`, declared as it is to be `after`, and bound to exchanges."""

    before: Exchange
    after: Exchange
    then_bind: tuple[Binding, ...]


class Mover(Protocol):
    """What a replacement needs besides, in one vhost of a live broker. Every method may raise `BrokerError`."""

    def observe(self, queues: Collection[str], exchanges: Collection[str]) -> Existing:
        """These queues and exchanges, and the bindings that lead to the queues. What is absent is left out."""
        ...

    def around(self, exchanges: Collection[str], policy: str) -> Around:
        """These exchanges, all their bindings, and this policy. What is absent is left out."""
        ...

    def swap(self, order: Swap) -> None:
        """Delete an exchange and declare another in its place, with as little in between as can be."""
        ...

    def policies(self) -> Sequence[Policy]:
        """All policies of the vhost but those of its operator."""
        ...

    def operator_policies(self) -> Sequence[Policy]:
        """The policies of the vhost's operator. Of a limit in both kinds the lower one is in force."""
        ...

    def alarms(self) -> Sequence[str]:
        """Why the broker takes no messages at this moment, as far as that can be seen."""
        ...

    @property
    def user(self) -> str | None:
        """The user who publishes."""
        ...

    def may_impersonate(self) -> bool:
        """Whether that user may publish messages that say they are from another."""
        ...

    def lacking(self, queue: str, ours: str) -> Sequence[str]:
        """What that user may not do with a queue that is to be emptied and deleted, and with a queue and an
        exchange named `ours`: "read 'q'". Touches no message.
        """
        ...

    def why_not_new(self, queue: str, ours: str) -> str | None:
        """Why we cannot declare a queue of this name and bind it, be it there or not; None if we can. There is no
        exchange named `ours`.
        """
        ...

    def may_disconnect(self) -> bool:
        """Whether we may close other users' connections."""
        ...

    def holders(self, queue: str) -> int | None:
        """How many consumers a quorum queue has at this moment, and clients besides that hold messages of it
        unacknowledged; None where it does not tell. Of any other queue only consumers are told.
        """
        ...

    def is_lifeless(self, queue: str) -> bool:
        """Whether it is certain that a quorum queue never had anything, and neither takes nor gives anything."""
        ...

    def inspect(self, queue: str) -> "Inspected":
        """Look at every message in a queue and put it back. Raises InUseError if another keeps it for itself."""
        ...

    def move(
        self,
        order: "Move",
        *,
        progress: Callable[[int], None],
        idle: Callable[[int], None] | None = None,
        make_room: Callable[[], None] | None = None,
    ) -> "Moved":
        """Move all messages of a queue through an exchange, each acknowledged once its copy is confirmed.

        Raises InUseError if somebody else consumes from it.
        """
        ...

    def clients(self, queue: str) -> Sequence[Client]:
        """The connections that consume from a queue, as far as RabbitMQ tells by now."""
        ...

    def disconnect(self, client: Client) -> None:
        """Close a connection."""
        ...


class Broker(Protocol):
    """One broker, on which one vhost is read and changed. Every method may raise `BrokerError`.

    Declaring and deleting are idempotent: what is there already, or gone already, is no failure.
    A success here only means that the broker did not object; what counts is what `read` shows afterwards.
    """

    def read(self, vhost: str, scope: Scope | None = None) -> Existing:
        """The vhost as it is now, or only the part in `scope`. Raises `VhostMissingError`."""
        ...

    def new_vhost(self, vhost: str) -> Existing:
        """What a vhost shows that `create_vhost` has just made, without making it."""
        ...

    def look(self, vhost: str, queues: Collection[str]) -> Mapping[str, Activity]:
        """What is going on in these queues at this moment, consumers included. Queues that are gone are left out.

        `consumers` is None where the broker has no way to tell at once.
        """
        ...

    def consumers(self, vhost: str) -> Mapping[str, int] | None:
        """How many consumers the queues have, as the broker's statistics tell: up to 7 s late. Queues without any
        may be left out. None where the broker keeps no statistics.
        """
        ...

    def lock(self, vhost: str) -> Lock:
        """Become the only apply in the vhost. Raises `LockedError` at once if another is, `RefusedError` if that
        cannot be known, `VhostMissingError`.
        """
        ...

    def mover(self, vhost: str) -> Mover | None:
        """What moves messages in the vhost; None where there are none, in a file."""
        ...

    def replace_outright(self, vhost: str, before: Queue | Exchange, after: Queue | Exchange) -> bool:
        """Put one object in the place of another, with its bindings; False where it takes a mover for messages."""
        ...

    def create_vhost(self, vhost: str) -> None:
        """Make the vhost; no error if it is there."""
        ...

    def declare(self, vhost: str, nouns: Sequence[Noun], progress: Progress) -> Sequence[Failure]:
        """Declare objects of any kinds that are absent, and put policies whether absent or not.

        All nouns of one call may be declared in any order and at the same time; those that depend on one another
        belong into calls of their own.
        """
        ...

    def delete(self, existing: Existing, nouns: Sequence[Noun], progress: Progress) -> Sequence[Failure]:
        """Delete objects of any kinds. Queues only if unused and empty, where the broker can check that itself;
        exchanges only if nothing is bound to them.

        `existing` is where the objects were seen: it knows RabbitMQ's own keys of the bindings.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
