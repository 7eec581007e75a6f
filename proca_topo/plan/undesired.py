"""What exists, is owned, and is no longer desired."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.circuits import circuit_of
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Policy, Queue, is_for_our_use


@dataclass(frozen=True, kw_only=True)
class Undesired:
    """What exists, is owned and is not desired."""

    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()
    policies: tuple[Policy, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.exchanges or self.queues or self.bindings or self.policies)

    def everything(self) -> Iterator[Noun]:
        """All of it, in the order in which it is deleted."""
        yield from self.bindings
        yield from self.queues
        yield from self.exchanges
        yield from self.policies

    def behind(self, exchange: str, index: ExistingIndex) -> Iterator[Noun]:
        """What of it a message in this exchange may meet: the exchange itself, and all that it leads to."""
        exchanges, queues = index.reached_from(exchange), index.queues_behind(exchange)
        yield from (binding for binding in self.bindings if binding.source in exchanges)
        yield from (queue for queue in self.queues if queue.name in queues)
        yield from (one for one in self.exchanges if one.name in exchanges)

    def without(self, nouns: Collection[Noun]) -> "Undesired":
        """What is left without these."""
        return Undesired(
            exchanges=tuple(exchange for exchange in self.exchanges if exchange not in nouns),
            queues=tuple(queue for queue in self.queues if queue not in nouns),
            bindings=tuple(binding for binding in self.bindings if binding not in nouns),
            policies=tuple(policy for policy in self.policies if policy not in nouns),
        )


def undesired(existing: Existing, desired: Desired) -> Undesired:
    """What is owned but not desired; for a plan of single orgs only what is theirs."""
    owns = desired.ownership
    scope = desired.scope
    # They are replaced, and their bindings move with them.
    renamed = frozenset(desired.renames.values())

    def in_scope(noun: Noun) -> bool:
        return scope is None or scope.holds(noun)

    return Undesired(
        exchanges=tuple(
            exchange
            for name, exchange in sorted(existing.exchanges.items())
            if name not in desired.exchanges and owns.owns_name(name) and in_scope(exchange)
        ),
        queues=tuple(
            queue
            for name, queue in sorted(existing.queues.items())
            if name not in desired.queues and name not in renamed and owns.owns_name(name) and in_scope(queue)
        ),
        bindings=tuple(
            sorted(
                (
                    binding
                    for binding in existing.bindings
                    if binding not in desired.bindings
                    and not (binding.destination in renamed and binding.destination_type is DestinationType.QUEUE)
                    and owns.owns(binding)
                    and not is_to_exclusive_queue(binding, existing)
                    and not is_for_our_use(binding.source)  # a replacement under way, which takes it away itself
                    and in_scope(binding)
                ),
                key=lambda b: (b.source, b.destination, b.routing_key, b.arguments.canonical),
            )
        ),
        policies=tuple(
            policy
            for name, policy in sorted(existing.policies.items())
            if name not in desired.policies and owns.owns_name(name) and in_scope(policy)
        ),
    )


def is_to_exclusive_queue(binding: Binding, existing: Existing) -> bool:
    """Whether a binding leads to a queue that is one connection's own: never ours, whatever its name."""
    return binding.destination_type is DestinationType.QUEUE and binding.destination in existing.exclusive


def endangered(existing: Existing, desired: Desired) -> Collection[str]:
    """The queues that a prune may delete, and those in which their messages may be waiting to come back.

    They are worth a closer look before a prune is planned: at their consumers, and at counts of this moment.
    """
    gone = undesired(existing, desired).queues
    if not gone:
        return ()
    index = ExistingIndex.on_the_way_to(desired, existing)
    waiting = {name for queue in gone for name in circuit_of(queue.name, index).waiting}
    return sorted({queue.name for queue in gone} | waiting)
