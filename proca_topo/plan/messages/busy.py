"""Whether a queue could be deleted at this moment without losing anything."""

from collections.abc import Mapping

from proca_topo.plan.messages.circuits import Circuit
from proca_topo.topology.existing import Activity
from proca_topo.topology.names import shown


def busy(queue: str, circuit: Circuit, activity: Mapping[str, Activity]) -> str | None:
    """Why a queue cannot go at this moment, with the counts; None if nothing speaks against it.

    | in the queue                  | in its circuit     | verdict                          |
    |-------------------------------|--------------------|----------------------------------|
    | messages, also unacknowledged | any                | stays: they would be lost        |
    | consumers                     | any                | stays: somebody still uses it    |
    | unknown (a stream)            | any                | stays: they might be lost         |
    | nothing                       | messages           | stays: they may still come to it  |
    | nothing                       | unknown            | stays: some may still come to it |
    | nothing                       | nothing            | None                             |
    """
    here = activity.get(queue, Activity())
    if here.messages:
        held = f", {here.unacknowledged} of them unacknowledged" if here.unacknowledged else ""
        dead = f", {here.dead} of them dead letters that it keeps until they have a way on" if here.dead else ""
        return f"{messages(here.messages)} in it{held}{dead}"
    if not here.counted:
        return "RabbitMQ has not counted what is in it"
    if here.consumers:
        return f"{here.consumers} consumer{'s' if here.consumers > 1 else ''} on it"
    return waiting_in(circuit, activity, "may still come to it")


def waiting_in(circuit: Circuit, activity: Mapping[str, Activity], what_of_it: str) -> str | None:
    """Where in a circuit messages wait, or may, and `what_of_it`; None if nowhere."""
    for waiting in sorted(circuit.waiting):
        there = activity.get(waiting, Activity())
        if there.messages:
            return f"{messages(there.messages)} in {shown(waiting)} {what_of_it}"
        if not there.counted:
            return f"RabbitMQ has not counted what is in {shown(waiting)} and {what_of_it}"
    return None


def why_dead_letters_cannot_be_moved(queue: str, activity: Activity) -> str | None:
    """Why a queue cannot be emptied by consuming from it; None if it can."""
    if not activity.dead:
        return None
    letters = f"{activity.dead} dead letter{'' if activity.dead == 1 else 's'}"
    return (
        f"{letters} in {shown(queue)}, which RabbitMQ keeps there until they have a way on (at-least-once), cannot"
        " be moved: give them one, and wait until they have left"
    )


def messages(count: int) -> str:
    """`1 message`, `2 messages`."""
    return f"{count} message{'' if count == 1 else 's'}"
