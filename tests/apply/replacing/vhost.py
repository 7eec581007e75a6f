"""One vhost with RabbitMQ's semantics, as far as a replacement uses them. A value: a change gives another one."""

from collections.abc import Iterator
from typing import Final, NamedTuple

IN: Final = "in"
"""The exchange that applications publish to. It routes by equal keys, and nothing here deletes it."""


class RefusedByBroker(Exception):  # noqa: N818 - what the broker does, not a fault of the model
    """RabbitMQ said no, or returned a mandatory message. Whatever was under way ends."""


class Queue(NamedTuple):
    """A queue. Messages are numbers in the order in which they were published; one may be there twice.

    `note` is an argument that RabbitMQ does not know: kept, and not compared when the queue is declared again. One
    that `is_young` is forgotten if the broker is killed: it comes back empty.
    """

    definition: str
    messages: tuple[int, ...] = ()
    note: str = ""
    is_young: bool = False


class Binding(NamedTuple):
    """A binding from an exchange to a queue."""

    source: str
    key: str
    destination: str


class Vhost(NamedTuple):
    """What there is. `exchanges` are the private fanouts, each with the note among its arguments.

    With `is_forgetful` its queues are young when they are declared, as quorum queues are.
    """

    queues: frozenset[tuple[str, Queue]]
    exchanges: frozenset[tuple[str, str]] = frozenset()
    bindings: frozenset[Binding] = frozenset()
    is_forgetful: bool = False

    def queue(self, name: str) -> Queue | None:
        """The queue of this name, if there is one."""
        return next((queue for there, queue in self.queues if there == name), None)

    def messages(self, name: str) -> tuple[int, ...]:
        """What is in a queue, if it is there."""
        queue = self.queue(name)
        return queue.messages if queue is not None else ()

    def exchange(self, name: str) -> str | None:
        """The note on the private exchange of this name, if there is one."""
        return next((note for there, note in self.exchanges if there == name), None)

    def keys(self, source: str, destination: str) -> list[str]:
        """The keys of the bindings from one to the other, in a fixed order."""
        return sorted(b.key for b in self.bindings if b.source == source and b.destination == destination)

    def private_names(self, prefix: str) -> Iterator[str]:
        """The queues and exchanges whose names begin with this."""
        yield from (name for name, _ in self.queues | self.exchanges if name.startswith(prefix))

    def declare_queue(self, name: str, definition: str, note: str = "") -> "Vhost":
        """Idempotent; refused where the queue is there with another definition."""
        there = self.queue(name)
        if there is not None and there.definition != definition:
            raise RefusedByBroker(f"406 {name}")
        if there is not None:
            return self
        queue = Queue(definition, note=note, is_young=self.is_forgetful)
        return self._replace(queues=self.queues | {(name, queue)})

    def grown(self, name: str) -> "Vhost":
        """A queue is not young any more."""
        return self._replace(
            queues=frozenset(
                (there, queue._replace(is_young=queue.is_young and there != name)) for there, queue in self.queues
            )
        )

    def restarted(self) -> "Vhost":
        """The broker was killed and is there again."""
        return self._replace(
            queues=frozenset(
                (name, queue._replace(messages=() if queue.is_young else queue.messages))
                for name, queue in self.queues
            )
        )

    def declare_exchange(self, name: str, note: str) -> "Vhost":
        """Idempotent."""
        return (
            self if self.exchange(name) is not None else self._replace(exchanges=self.exchanges | {(name, note)})
        )

    def bind(self, binding: Binding) -> "Vhost":
        """Idempotent; refused where either end is missing."""
        if self.queue(binding.destination) is None or not self._has_exchange(binding.source):
            raise RefusedByBroker(f"404 {binding}")
        return self._replace(bindings=self.bindings | {binding})

    def unbind(self, binding: Binding) -> "Vhost":
        """Idempotent."""
        return self._replace(bindings=self.bindings - {binding})

    def delete_queue(self, name: str) -> "Vhost":
        """With all bindings to it, if it is empty and nothing is published to it: anything else would lose."""
        there = self.queue(name)
        if there is None or there.messages or self.keys(IN, name):
            return self
        return self._replace(
            queues=self.queues - {(name, there)},
            bindings=frozenset(b for b in self.bindings if b.destination != name),
        )

    def delete_exchange(self, name: str) -> "Vhost":
        """With all bindings from it."""
        return self._replace(
            exchanges=frozenset(e for e in self.exchanges if e[0] != name),
            bindings=frozenset(b for b in self.bindings if b.source != name),
        )

    def publish(self, source: str, key: str, message: int) -> "Vhost":
        """To every queue that is bound with this key, once; to none, if there is none."""
        bound = {b.destination for b in self.bindings if b.source == source and b.key == key}
        return self._replace(
            queues=frozenset(
                (name, queue._replace(messages=(*queue.messages, message))) if name in bound else (name, queue)
                for name, queue in self.queues
            )
        )

    def publish_mandatory(self, source: str, message: int) -> "Vhost":
        """Through a private fanout; refused where that leads nowhere."""
        changed = self.publish(source, "", message)
        if changed == self:
            raise RefusedByBroker(f"312 {source}")
        return changed

    def without_first(self, name: str) -> "Vhost":
        """The first message of a queue is acknowledged."""
        there = self.queue(name)
        assert there is not None
        assert there.messages
        shorter = there._replace(messages=there.messages[1:])
        return self._replace(queues=self.queues - {(name, there)} | {(name, shorter)})

    def _has_exchange(self, name: str) -> bool:
        return name == IN or self.exchange(name) is not None
