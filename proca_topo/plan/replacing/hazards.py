"""What it costs to replace a queue."""

from collections.abc import Iterator

from proca_topo.plan.changes import Difference, Hazard, HazardCode
from proca_topo.plan.messages.busy import messages
from proca_topo.plan.redeclaring import redeclare_hazards
from proca_topo.plan.replacing.capacity import why_impossible
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Queue


def replacement_hazards(
    before: Queue, after: Queue, found: tuple[Difference, ...], activity: Activity
) -> Iterator[Hazard]:
    """What becomes of its messages, of what is published to its name, and of clients that declare it again.

    Of one whose messages cannot be moved no apply does anything to the first two.
    """
    if why_impossible(before, after) is None:
        yield from _moving_hazards(activity)
    elif activity.messages:
        text = f"{messages(activity.messages)} in it, which cannot be moved"
        yield Hazard(code=HazardCode.MESSAGES_AT_STAKE, message=text)
    yield from redeclare_hazards(after, found)


def _moving_hazards(activity: Activity) -> Iterator[Hazard]:
    if activity.messages:
        yield Hazard(
            code=HazardCode.MESSAGES_AT_STAKE,
            message=f"{messages(activity.messages)} in it, which are moved to the new queue in their order",
        )
    yield Hazard(
        code=HazardCode.DUPLICATES,
        message="a message that comes while its bindings are moved may arrive twice",
    )
    yield Hazard(
        code=HazardCode.PUBLISH_RACE,
        message="what is published straight to its name in the moment in which it does not exist is lost",
    )
