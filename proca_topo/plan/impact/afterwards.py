"""A vhost as it is once changes are made."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self, assert_never

from proca_topo.plan.changes import Change, Declare, Delete, Replace, Retire, Update
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Policy, Queue


@dataclass(slots=True, kw_only=True)
class Vhost:
    """The objects of a vhost, to be changed on paper."""

    exchanges: dict[str, Exchange]
    queues: dict[str, Queue]
    bindings: dict[Binding, None]
    policies: dict[str, Policy]

    @classmethod
    def of(cls, existing: Existing) -> Self:
        """What the broker shows."""
        return cls(
            exchanges=dict(existing.exchanges),
            queues=dict(existing.queues),
            bindings=dict.fromkeys(existing.bindings),
            policies=dict(existing.policies),
        )

    def after(self, changes: Iterable[Change]) -> Self:
        """A vhost in which these changes have been made. What retires is still there."""
        made = replace(
            self,
            exchanges=dict(self.exchanges),
            queues=dict(self.queues),
            bindings=dict(self.bindings),
            policies=dict(self.policies),
        )
        renamed: dict[str, str] = {}
        gone: list[Noun] = []
        for change in changes:
            match change:
                case Declare() | Update():
                    made.put(change.noun)
                case Replace():
                    made.put(change.noun)
                    if isinstance(change.replaced, Replaced) and change.replaced.was.name != change.noun.name:
                        made.queues.pop(change.replaced.was.name, None)
                        renamed[change.replaced.was.name] = change.noun.name
                case Delete():
                    gone.append(change.noun)
                case Retire():
                    pass
                case _:
                    assert_never(change)
        made.move(renamed)
        # Last, as they are made: a binding may go that only a renamed queue brings along.
        for noun in gone:
            made.take(noun)
        return made

    def put(self, noun: Noun) -> None:
        """Declare an object, or change it."""
        match noun:
            case Exchange():
                self.exchanges[noun.name] = noun
            case Queue():
                self.queues[noun.name] = noun
            case Binding():
                self.bindings[noun] = None
            case Policy():
                self.policies[noun.name] = noun
            case _:
                assert_never(noun)

    def take(self, noun: Noun) -> None:
        """Delete an object."""
        match noun:
            case Exchange():
                self.exchanges.pop(noun.name, None)
            case Queue():
                self.queues.pop(noun.name, None)
            case Binding():
                self.bindings.pop(noun, None)
            case Policy():
                self.policies.pop(noun.name, None)
            case _:
                assert_never(noun)

    def move(self, renamed: Mapping[str, str]) -> None:
        """Lead what is bound to queues to those that they become."""
        if renamed:
            moved = (
                replace(binding, destination=renamed[binding.destination])
                if binding.destination_type is DestinationType.QUEUE and binding.destination in renamed
                else binding
                for binding in self.bindings
            )
            self.bindings = dict.fromkeys(moved)
