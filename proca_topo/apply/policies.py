"""Policies looked at once more, just before they are set or deleted."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Status
from proca_topo.apply.survey import with_operators
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Change
from proca_topo.plan.policies.effects import PolicyChanges
from proca_topo.plan.policies.under_operators import at_once
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Policy

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
    be harmless only if the ones before have been made. What would cost messages is noted as held back.
    """
    todo = list(changes)
    while todo:
        policies = [change.noun for change in todo if isinstance(change.noun, Policy)]
        looked_at = PolicyChanges(policies=policies, existing=with_operators(now, broker), deleting=deleting)
        effects = at_once(looked_at)
        costly = [change for change in todo if change.noun.name in effects and effects[change.noun.name].held_back]
        for change in costly:
            ledger.note(change, Status.HELD_BACK, effects[change.noun.name].held_back or "")
        if costly:
            return
        yield [change for change in todo if change.noun.name in effects]
        todo = [change for change in todo if change.noun.name not in effects]
        now = read() if todo else now
