"""Policies looked at once more, just before they are set or deleted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Status
from proca_topo.broker.protocol import Broker
from proca_topo.errors import AccessError
from proca_topo.plan.changes import Change
from proca_topo.plan.policies.effects import Effects, PolicyChanges
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Policy
from proca_topo.topology.operator_limits import with_operator_limits

C = TypeVar("C", bound=Change)


def harmless(
    changes: Sequence[C],
    now: Existing,
    broker: Broker,
    ledger: Ledger,
    *,
    read: Callable[[], Existing],
    deleting: bool,
) -> Iterator[Sequence[C]]:
    """The changes of policies, without those that would cost messages as things are `now`.

    Those that may be made in any order come together. Before the next ones the vhost is read again, since they may
    be harmless only if the ones before have been made. What would cost messages is noted as held back, also where
    only the operator's limits make it so, of which a plan does not know.
    """
    todo = list(changes)
    while todo:
        policies = [change.noun for change in todo if isinstance(change.noun, Policy)]
        limited = _limited(now, broker)
        effects = PolicyChanges(policies=policies, existing=limited, deleting=deleting).at_once()
        costly = [change for change in todo if change.noun.name in effects and effects[change.noun.name].held_back]
        if costly:
            without = PolicyChanges(policies=policies, existing=now, deleting=deleting).at_once()
            for change in costly:
                reason = _reason(without.get(change.noun.name), effects[change.noun.name])
                ledger.note(change, Status.HELD_BACK, reason)
            return
        yield [change for change in todo if change.noun.name in effects]
        todo = [change for change in todo if change.noun.name not in effects]
        now = read() if todo else now


def _reason(without: Effects | None, limited: Effects) -> str:
    if without is not None and without.held_back is not None:
        return without.held_back
    return f"with the policies of the operator {limited.held_back}"


def _limited(now: Existing, broker: Broker) -> Existing:
    """The vhost as if the limits of its operator were arguments of its queues."""
    mover = broker.mover(now.vhost)
    try:
        operators = mover.operator_policies() if mover is not None else ()
    except AccessError:
        return now  # a mere user, whom RabbitMQ lets set no policies either
    return replace(now, queues=with_operator_limits(now.queues, operators)) if operators else now
