"""Policies looked at once more, just before they are set or deleted."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Status
from proca_topo.plan.changes import Change
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.policy_effects import Effects
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Policy

C = TypeVar("C", bound=Change)


def harmless(
    changes: Sequence[C],
    effects: Callable[[Policy, Existing, ExistingIndex], Effects],
    now: Existing,
    ledger: Ledger,
) -> list[C]:
    """The changes of policies without those that would cost messages which came since the plan was made.

    `effects` are those of setting or of deleting. What would cost messages is noted as held back.
    """
    index = ExistingIndex(now)
    found = []
    for change in changes:
        reason = effects(change.noun, now, index).held_back if isinstance(change.noun, Policy) else None
        if reason is None:
            found.append(change)
        else:
            ledger.note(change, Status.HELD_BACK, reason)
    return found
