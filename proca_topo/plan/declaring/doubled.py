"""Bindings to a new waiting queue, while what is rejected still waits in the one whose place it takes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from proca_topo.plan.changes import Change, Declare, Delete
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.circuits import doubles
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding


def bound_once_alone(declared: Sequence[Change], gone: Iterable[Change], index: ExistingIndex) -> list[Change]:
    """The changes, a binding held back where another one that does not go yet takes the same to wait.

    What is rejected again and again would double with each delay, without end.
    """
    staying: dict[str, list[Binding]] = defaultdict(list)
    for change in gone:
        if isinstance(change.noun, Binding) and not (isinstance(change, Delete) and change.held_back is None):
            staying[change.noun.source].append(change.noun)
    return [_judged(change, staying, index) for change in declared] if staying else list(declared)


def _judged(change: Change, staying: Mapping[str, Sequence[Binding]], index: ExistingIndex) -> Change:
    match change:
        case Declare(noun=Binding() as new, held_back=None):
            old = next((one for one in staying.get(new.source, ()) if doubles(new, one, index)), None)
        case _:
            old = None
    if old is None:
        return change
    return replace(
        change,
        held_back=f"{shown(old.name)} takes the same, and each rejection would make two messages of one: it is"
        " bound when that goes, with --prune",
    )
