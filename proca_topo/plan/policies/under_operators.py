"""What changes of policies cost under the operator's policies, whose limits they leave as they are."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from proca_topo.plan.policies.effects import Effects, PolicyChanges
from proca_topo.topology.operator_limits import with_operator_limits


def in_turn(changes: PolicyChanges) -> Mapping[str, Effects]:
    """See `PolicyChanges.in_turn`."""
    return _told(changes, PolicyChanges.in_turn)


def at_once(changes: PolicyChanges) -> Mapping[str, Effects]:
    """See `PolicyChanges.at_once`."""
    return _told(changes, PolicyChanges.at_once)


def _told(changes: PolicyChanges, look: Callable[[PolicyChanges], Mapping[str, Effects]]) -> Mapping[str, Effects]:
    existing = changes.existing
    if not existing.operator_policies:
        return look(changes)
    limited = with_operator_limits(existing.queues, existing.operator_policies)
    without = look(changes)
    found = look(replace(changes, existing=replace(existing, queues=limited)))
    return {name: _with_reason(effects, without.get(name)) for name, effects in found.items()}


def _with_reason(effects: Effects, without: Effects | None) -> Effects:
    if effects.held_back is None:
        return effects
    if without is not None and without.held_back is not None:
        return replace(effects, held_back=without.held_back)
    return replace(effects, held_back=f"with the policies of the operator {effects.held_back}")
