"""JSON as RabbitMQ writes it (management listings and definitions files) to nouns, and back.

Reading is as tolerant as real exports need: fields may be missing, and what RabbitMQ 3.10 was given as missing it
lists as the string "undefined". What is written has every field.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from proca_topo.errors import BrokerError
from proca_topo.topology.arguments import NO_ARGUMENTS, Arguments
from proca_topo.topology.definitions import definition
from proca_topo.topology.existing import Activity
from proca_topo.topology.names import one_line
from proca_topo.topology.nouns import (
    CLASSIC,
    QUORUM,
    STREAM,
    Binding,
    DestinationType,
    Exchange,
    Noun,
    Policy,
    Queue,
)

Json = Mapping[str, Any]

QUEUE_TYPE: Final = "x-queue-type"
DOWN: Final[Json] = {"state": "down"}
"""What the entry of a queue that cannot be reached says on RabbitMQ 3.x; on 4.x it only has no counts."""

_FIRST_WITH_DEFAULT_QUEUE_TYPE: Final = (3, 11)


def default_queue_type(version: str, vhost_entry: Json) -> str:
    """The queue type that a declare without one gets.

    | version   | the vhost says       | in force   |
    |-----------|----------------------|------------|
    | < 3.11    | anything             | classic    |
    | not known | a type               | that type  |
    | >= 3.11   | a type               | that type  |
    | >= 3.11   | "undefined", nothing | classic    |
    """
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    value = vhost_entry.get("default_queue_type")
    knows_none = bool(numbers) and numbers < _FIRST_WITH_DEFAULT_QUEUE_TYPE
    return value if isinstance(value, str) and value not in {"", "undefined"} and not knows_none else CLASSIC


def exchange_from(entry: Json) -> Exchange:
    """The exchange in one entry. Raises BrokerError if it has no name or type."""
    return Exchange(
        name=_text(entry, "name"),
        type=_text(entry, "type"),
        durable=entry.get("durable", True) is not False,
        auto_delete=entry.get("auto_delete") is True,
        internal=entry.get("internal") is True,
        arguments=_arguments(entry, "arguments"),
    )


def queue_from(entry: Json, default_queue_type: str = CLASSIC) -> Queue:
    """The queue in one entry, its type taken out of the arguments; the default where nothing says otherwise."""
    arguments = _table(entry, "arguments")
    queue_type = arguments.get(QUEUE_TYPE) or entry.get("type")
    rest = {key: value for key, value in arguments.items() if key != QUEUE_TYPE} if arguments else arguments
    return Queue(
        name=_text(entry, "name"),
        durable=entry.get("durable", True) is not False,
        auto_delete=entry.get("auto_delete") is True,
        type=queue_type if isinstance(queue_type, str) else default_queue_type,
        arguments=Arguments.of(rest),
    )


def binding_from(entry: Json) -> Binding:
    """The binding in one entry."""
    try:
        return Binding(
            source=_text(entry, "source"),
            destination=_text(entry, "destination"),
            destination_type=_DESTINATION_TYPES[entry.get("destination_type", "queue")],
            routing_key=_text(entry, "routing_key") if entry.get("routing_key") else "",
            arguments=_arguments(entry, "arguments"),
        )
    except (KeyError, TypeError):
        raise _malformed(entry, "destination_type") from None


def policy_from(entry: Json) -> Policy:
    """The policy in one entry. RabbitMQ 3.0 knew no `apply-to`: then it is for everything."""
    priority = entry.get("priority")
    return Policy(
        name=_text(entry, "name"),
        pattern=_text(entry, "pattern"),
        apply_to=_text(entry, "apply-to") if entry.get("apply-to") else "all",
        priority=priority if isinstance(priority, int) else 0,
        definition=_arguments(entry, "definition"),
    )


def activity_from(entry: Json) -> Activity:
    """The messages counted in a queue's entry, and a stream's consumers. What is not counted (yet) is 0."""
    if _is_down(entry):
        return Activity(counted=False)
    if entry.get("type") == STREAM:
        # All statistics: messages that wait are not told apart, and AMQP knows nothing of who reads a stream.
        consumers = entry.get("consumers")
        return Activity(
            ready=_count(entry, "messages"),
            consumers=consumers if isinstance(consumers, int) else None,
            counted=isinstance(entry.get("messages"), int),
        )
    ready, unacknowledged = _count(entry, "messages_ready"), _count(entry, "messages_unacknowledged")
    # In no listing without statistics they are told by themselves.
    dead = _count(entry, "messages") - ready - unacknowledged if entry.get("type") == QUORUM else 0
    if not (ready or unacknowledged or dead > 0):
        return _IDLE
    return Activity(ready=ready, unacknowledged=unacknowledged, dead=max(dead, 0))


def has_counts(entry: Json) -> bool:
    """Whether a queue's entry tells of its messages all that RabbitMQ can tell with it."""
    return "messages_ready" in entry or entry.get("type") == STREAM or _is_down(entry)


def entry_of(noun: Noun, default_queue_type: str) -> dict[str, Any]:
    """The entry for an object in a vhost with this default queue type.

    A classic queue says so only where that is not the default, so that it has the arguments (none) that an
    application gives it which knows nothing of types.
    """
    if isinstance(noun, Queue) and noun.type == CLASSIC == default_queue_type:
        return definition(replace(noun, type=None))
    return definition(noun)


# One for all the queues of a vhost in which nothing waits, which is most of them.
_IDLE: Final = Activity()
# A plain dictionary: calling the enumeration for each of 20,000 bindings costs ten times as much.
_DESTINATION_TYPES: Final = {str(kind): kind for kind in DestinationType}


def _is_down(entry: Json) -> bool:
    return bool(entry.get("state") == DOWN["state"])


def _text(entry: Json, key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise _malformed(entry, key)
    return value


def _table(entry: Json, key: str) -> Json:
    value = entry.get(key)
    if value is None or value == []:  # some exporters write an empty table as an empty list
        return {}
    if not isinstance(value, Mapping):
        raise _malformed(entry, key)
    return value


def _arguments(entry: Json, key: str) -> Arguments:
    table = _table(entry, key)
    return Arguments.of(table) if table else NO_ARGUMENTS


def _count(entry: Json, key: str) -> int:
    value = entry.get(key)
    return value if isinstance(value, int) else 0


def _malformed(entry: Json, key: str) -> BrokerError:
    return BrokerError(f"this entry has no usable {key!r}: {one_line(str(dict(entry)))[:200]}")
