"""A plan as it is kept: what has to be the same when it is applied later, and what tells why it is not."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from proca_topo.plan.changes import Action, Change, Delete, Plan, Replace, Replacing, action_of
from proca_topo.plan.counterpart import counterpart
from proca_topo.topology.definitions import definition
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import BrokerIdentity, Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Binding, Kind, Noun, Queue, kind_of

# Two objects of one vhost with the same 64 bits would only mean that a reason is told wrong.
_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedChange:
    """What is compared of a change. `before` is the object as the broker had it, None where it had none.

    Hazards and reasons are not compared: they tell counts of messages, which change all the time.
    """

    action: Action
    noun: Noun
    before: Noun | None
    held_back: bool
    along_with: str | None = None

    @property
    def wanted(self) -> Noun | None:
        """The object as the spec had it, None where it had none."""
        match self.action:
            case Action.DECLARE | Action.UPDATE | Action.REPLACE:
                return self.noun
            case Action.RETIRE | Action.DELETE:
                return None
            case _:
                assert_never(self.action)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan with what it depended on.

    `as_desired` are digests of the objects that needed no change: of a change that is new they tell whether the
    spec has changed since, or the broker. `refused` is why apply would have refused it.
    """

    broker: BrokerIdentity
    vhost: str
    orgs: tuple[str, ...]
    with_prune: bool
    replacing: Replacing
    default_queue_type: str
    changes: tuple[SavedChange, ...]
    as_desired: frozenset[str]
    refused: str | None = None


def saved_plan(
    plan: Plan,
    existing: Existing,
    desired: Desired,
    *,
    with_prune: bool,
    replacing: Replacing = Replacing.FINISHING,
) -> SavedPlan:
    """The plan as it is kept, with what it was made of."""
    changed = {key_of(change.noun) for change in plan.changes}
    return SavedPlan(
        broker=plan.broker,
        vhost=plan.vhost,
        orgs=plan.orgs,
        with_prune=with_prune,
        replacing=replacing,
        default_queue_type=existing.default_queue_type,
        changes=tuple(saved_change(change, existing) for change in plan.changes),
        as_desired=frozenset(
            digest(with_type(noun, existing.default_queue_type))
            for noun in _nouns(desired)
            if key_of(noun) not in changed
        ),
        refused=plan.refused,
    )


def saved_change(change: Change, existing: Existing) -> SavedChange:
    """What is kept of one change."""
    return SavedChange(
        action=action_of(change),
        noun=change.noun,
        before=_before(change, existing),
        held_back=change.held_back is not None,
        along_with=change.along_with if isinstance(change, Delete) else None,
    )


def _before(change: Change, existing: Existing) -> Noun | None:
    """What a change begins with: where a queue gets a new name, the one of the old name."""
    replaced = change.replaced if isinstance(change, Replace) else None
    if isinstance(replaced, Replaced) and replaced.was.name != change.noun.name:
        return existing.queues.get(replaced.was.name) or existing.queues.get(change.noun.name)
    return counterpart(change.noun, existing)


def key_of(noun: Noun) -> tuple[Kind, str | Binding]:
    """What makes two nouns the same object, however they look."""
    return kind_of(noun), noun if isinstance(noun, Binding) else noun.name


def with_type(noun: Noun, default_queue_type: str) -> Noun:
    """The same object; a queue with the type that it gets in a vhost with this default."""
    return noun.with_type_from(default_queue_type) if isinstance(noun, Queue) else noun


def digest(noun: Noun) -> str:
    """A short text that another object, or the same one changed, does not have."""
    text = json.dumps([kind_of(noun), definition(noun)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def _nouns(desired: Desired) -> Iterator[Noun]:
    yield from desired.exchanges.values()
    yield from desired.queues.values()
    yield from desired.bindings
    yield from desired.policies.values()
