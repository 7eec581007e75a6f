"""The same object on the other side."""

from typing import assert_never

from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Binding, Exchange, Noun, Policy, Queue


def counterpart(noun: Noun, side: Existing | Desired) -> Noun | None:
    """The same object as the broker has it, or as the spec does; None where there is none."""
    match noun:
        case Exchange():
            return side.exchanges.get(noun.name)
        case Queue():
            return side.queues.get(noun.name)
        case Binding():
            return noun if noun in side.bindings else None
        case Policy():
            return side.policies.get(noun.name)
        case _:
            assert_never(noun)
