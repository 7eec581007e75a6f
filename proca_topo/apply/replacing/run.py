"""The replacements of a plan, one after the other."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Status
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Broker
from proca_topo.errors import BrokerError, UnreachableError
from proca_topo.plan.changes import Declare, Plan, Replace
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Kind, Policy, Queue

if TYPE_CHECKING:
    from proca_topo.apply.replacing.queue import QueueReplacement

# One for what was begun with another spec, one for what the spec wants now.
_ROUNDS = 2


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
    # What moves messages is loaded for a replacement only.
    from proca_topo.apply.replacing.exchange import ExchangeReplacement
    from proca_topo.apply.replacing.queue import QueueReplacement
    from proca_topo.apply.replacing.trials import HinderedError

    for change in left:
        try:
            match (change.noun, change.replaced):
                case (Queue() as wanted, Replaced() as replaced):
                    _replace_queue(
                        QueueReplacement(
                            replaced=replaced,
                            wanted=wanted,
                            bindings=_to_queue(plan, wanted.name, ledger),
                            existing=existing,
                            broker=broker,
                            mover=mover,
                            watch=watch,
                            disconnecting=disconnecting,
                        )
                    )
                case (Exchange(name=name), ReplacedExchange() as replaced):
                    ExchangeReplacement(
                        replaced=replaced,
                        wanted=desired.get(name),
                        bindings=_from_exchange(plan, name, existing),
                        existing=existing,
                        broker=broker,
                        mover=mover,
                        watch=watch,
                    ).run()
        except HinderedError as error:
            ledger.note(change, Status.HELD_BACK, str(error))
        except UnreachableError:
            raise
        except BrokerError as error:
            ledger.note(change, Status.FAILED, f"{error} (nothing is lost: the same command goes on from here)")
    watch.stage("reading back", 0)
    return read()


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


def _from_exchange(plan: Plan, exchange: str, existing: Existing) -> Collection[Binding]:
    """The bindings from an exchange that the plan declares, without those to a queue that is yet to come."""
    return [
        binding
        for binding in _declared_bindings(plan)
        if binding.source == exchange and (not _leads_to_queue(binding) or binding.destination in existing.queues)
    ]


def _to_queue(plan: Plan, queue: str, ledger: Ledger) -> Collection[Binding]:
    """The bindings to a queue that the plan declares, without those from an exchange that was not replaced."""
    return [
        binding
        for binding in _declared_bindings(plan)
        if binding.destination == queue
        and _leads_to_queue(binding)
        and not ledger.failed_name(Kind.EXCHANGE, binding.source)
    ]


def _declared_bindings(plan: Plan) -> Iterator[Binding]:
    for change in plan.to_do:
        if isinstance(change, Declare) and isinstance(change.noun, Binding):
            yield change.noun


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
