"""What RabbitMQ makes of a message when it dead-letters it."""

from enum import StrEnum
from typing import Final

from proca_topo.topology.policies_in_force import DeadLetters
from proca_topo.topology.routing.matching import COPIES, Message

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
    4.0 and 4.3). Later these stay. A key of the queue's own takes the place of all keys, those in CC and BCC too.
    """
    first = {_FIRST + "reason": str(reason), _FIRST + "queue": queue, _FIRST + "exchange": exchange}
    headers = message.headers if message.is_dead else {**message.headers, **first}
    if letters.routing_key is None:
        return Message(routing_key=message.routing_key, headers=headers, is_dead=True)
    kept = {name: value for name, value in headers.items() if name not in COPIES}
    return Message(routing_key=letters.routing_key, headers=kept, is_dead=True)
