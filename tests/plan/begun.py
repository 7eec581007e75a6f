"""A replacement that was begun and interrupted, with messages in both of its holding queues."""

from dataclasses import replace
from typing import Any

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.holding import InForce, Replaced
from proca_topo.topology.nouns import Queue
from tests.plan.circuit_world import ALL_BINDINGS, FAIL, IN, RETURN, SOURCE, WAIT, WORK, existing

ARRIVING = 2
PARKED = 10


def begun(
    *,
    was: Queue = WORK,
    becomes: str = "work",
    there: tuple[Queue, ...] = (),
    old_is_gone: bool = True,
    in_force: InForce | None = None,
    **more: Any,
) -> Existing:
    """A replacement whose holding queues have twelve messages. Older versions do not note what was `in_force`."""
    replaced = Replaced(was=was, becomes=becomes, in_force=in_force)
    holding = replaced.holding
    parked, arriving = (
        Queue(name=name, type="classic", arguments=Arguments.of(replaced.arguments)) for name in holding.queues
    )
    back = (replaced.exchange(holding.back),) if old_is_gone else ()
    found = existing(
        exchanges=(IN, FAIL, RETURN, replaced.exchange(holding.parked), *back),
        queues=(WAIT, parked, arriving, *there),
        bindings=(
            *(b for b in ALL_BINDINGS if b.destination != "work"),
            replace(SOURCE, destination=arriving.name),
        ),
        activity={parked.name: Activity(ready=PARKED), arriving.name: Activity(ready=ARRIVING)},
        policies=more.get("policies", ()),
    )
    return replace(found, activity={**found.activity, **more.get("activity", {})})
