"""What RabbitMQ makes of a message when it dead-letters it."""

from enum import StrEnum
from typing import Final

from proca_topo.topology.policies_in_force import DeadLetters
from proca_topo.topology.routing.matching import Message

_FIRST: Final = "x-first-death-"


class Reason(StrEnum):
    """Why, in RabbitMQ's word."""

    REJECTED = "rejected"
    EXPIRED = "expired"
    MAXLEN = "maxlen"


def dead_lettered(message: Message, letters: DeadLetters, *, reason: Reason, queue: str, exchange: str) -> Message:
    """The message as it comes to the dead-letter exchange.

    The first time it gets headers that tell why, out of which queue, and to which exchange it was published
    (`update_x_death_header` in RabbitMQ's rabbit_dead_letter.erl, `record_death` in its mc.erl; measured on 3.10,
    4.0 and 4.3). Later these stay.
    """
    first = {_FIRST + "reason": str(reason), _FIRST + "queue": queue, _FIRST + "exchange": exchange}
    return Message(
        routing_key=message.routing_key if letters.routing_key is None else letters.routing_key,
        headers=message.headers if message.is_dead else {**message.headers, **first},
        is_dead=True,
    )
