"""The replacements of a plan, in their order, and small ones at the same time."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, assert_never

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.replacing.batches import Batches
from proca_topo.apply.replacing.together import make_together
from proca_topo.apply.report import Status
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker, Mover
from proca_topo.errors import BrokerError, UnreachableError
from proca_topo.plan.changes import Declare, Plan, Replace
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Kind, Policy, Queue

if TYPE_CHECKING:
    from proca_topo.apply.replacing.queue import QueueReplacement

# One for what was begun with another spec, one for what the spec wants now.
_ROUNDS = 2

_NotMade = tuple[Status, str]


def replace_all(
    plan: Plan,
    existing: Existing,
    broker: Broker,
    ledger: Ledger,
    watch: Watcher,
    *,
    desired: Mapping[str, Exchange],
    disconnecting: bool,
    read: Callable[[], Existing],
) -> Existing | None:
    """Make every Replace of `plan`, and read back what came of it; None if there were none.

    Those of which something is known already are left. What stands in the way of one is noted as held back, and
    what stops one as failed: the others are made. A broker that does not answer ends it. `desired` are the
    exchanges of the spec.
    """
    made = (change for change in plan.to_do if ledger.status(change.noun) is None)
    changes = [change for change in made if isinstance(change, Replace)]
    if not changes:
        return None
    left = [change for change in changes if not _replaced_outright(change, existing, broker)]
    mover = broker.mover(plan.vhost) if left else None
    if mover is None:
        return read()
    making = _Making(
        plan=plan,
        index=ExistingIndex(existing),
        broker=broker,
        mover=mover,
        ledger=ledger,
        desired=desired,
        disconnecting=disconnecting,
    )
    for batch in Batches(making.index).of(left):
        for change, not_made in making.all_of(batch, watch):
            if not_made is not None:
                ledger.note(change, *not_made)
    watch.stage("reading back", 0)
    return read()


@dataclass(frozen=True, kw_only=True)
class _Making:
    """What it takes to make the replacements of a plan."""

    plan: Plan
    index: ExistingIndex
    broker: Broker
    mover: Mover
    ledger: Ledger
    desired: Mapping[str, Exchange]
    disconnecting: bool

    def all_of(self, batch: Sequence[Replace], watch: Watcher) -> Iterator[tuple[Replace, _NotMade | None]]:
        """Make them, one or several at once: each with why it was not made, None if it was."""
        if len(batch) == 1:
            yield batch[0], self._make(batch[0], watch)
        else:
            yield from make_together(batch, self._make, watch)

    def _make(self, change: Replace, watch: Watcher) -> _NotMade | None:
        # What moves messages is loaded for a replacement only.
        from proca_topo.apply.replacing.exchange import ExchangeReplacement
        from proca_topo.apply.replacing.queue import QueueReplacement
        from proca_topo.apply.replacing.trials import HinderedError

        try:
            match (change.noun, change.replaced):
                case (Queue() as wanted, Replaced() as replaced):
                    _replace_queue(
                        QueueReplacement(
                            replaced=replaced,
                            wanted=wanted,
                            bindings=self._to_queue(wanted.name),
                            index=self.index,
                            broker=self.broker,
                            mover=self.mover,
                            watch=watch,
                            disconnecting=self.disconnecting,
                        )
                    )
                case (Exchange(name=name), ReplacedExchange() as replaced):
                    ExchangeReplacement(
                        replaced=replaced,
                        wanted=self.desired.get(name),
                        bindings=self._from_exchange(name),
                        existing=self.index.existing,
                        broker=self.broker,
                        mover=self.mover,
                        watch=watch,
                    ).run()
        except HinderedError as error:
            return Status.HELD_BACK, str(error)
        except UnreachableError:
            raise
        except BrokerError as error:
            return Status.FAILED, f"{error} (nothing is lost: the next apply goes on from here)"
        return None

    def _from_exchange(self, exchange: str) -> Collection[Binding]:
        """The bindings from an exchange that the plan declares, without those to a queue that is yet to come."""
        queues = self.index.existing.queues
        return [
            binding
            for binding in self._declared_bindings
            if binding.source == exchange and (not _leads_to_queue(binding) or binding.destination in queues)
        ]

    def _to_queue(self, queue: str) -> Collection[Binding]:
        """The bindings to a queue that the plan declares, without those from an exchange that was not replaced."""
        return [
            binding
            for binding in self._declared_to_queues.get(queue, ())
            if not self.ledger.failed_name(Kind.EXCHANGE, binding.source)
        ]

    @cached_property
    def _declared_bindings(self) -> Sequence[Binding]:
        nouns = (change.noun for change in self.plan.to_do if isinstance(change, Declare))
        return [noun for noun in nouns if isinstance(noun, Binding)]

    @cached_property
    def _declared_to_queues(self) -> Mapping[str, Sequence[Binding]]:
        found: dict[str, list[Binding]] = defaultdict(list)
        for binding in filter(_leads_to_queue, self._declared_bindings):
            found[binding.destination].append(binding)
        return found


def _replaced_outright(change: Replace, existing: Existing, broker: Broker) -> bool:
    """Whether the broker is one that takes the new object in the place of the old, and has."""
    name = change.replaced.was.name if change.replaced is not None else change.noun.name
    match change.noun:
        case Queue():
            return name in existing.queues and broker.replace_outright(
                existing.vhost, existing.queues[name], change.noun
            )
        case Exchange():
            there = existing.exchanges.get(name)
            return there is not None and broker.replace_outright(existing.vhost, there, change.noun)
        case Binding() | Policy():
            raise AssertionError(change.noun)  # they change in place
        case _:
            assert_never(change.noun)


def _leads_to_queue(binding: Binding) -> bool:
    return binding.destination_type is DestinationType.QUEUE


def _replace_queue(first: "QueueReplacement") -> None:
    """The replacement, and if it was begun for another spec, then the one for this spec."""
    wanted, one = first.wanted, first
    for _ in range(_ROUNDS):
        one.run()
        now = one.mover.observe([wanted.name], []).queues.get(wanted.name)
        if now is None or wanted.is_like(now, one.existing.default_queue_type):
            return
        one = replace(first, replaced=Replaced(was=now, becomes=wanted.name))
    raise BrokerError(
        f"a client declares {shown(wanted.name)} as it was, whenever it is gone: end that client, or have it"
        " declare the queue as the spec does"
    )
