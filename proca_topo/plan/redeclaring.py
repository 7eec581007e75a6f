"""What clients will see that declare an object again as the spec says, while the broker has it otherwise."""

from collections.abc import Iterator
from typing import Final

from proca_topo.plan.changes import Difference, Hazard, HazardCode
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Exchange, Queue

# What RabbitMQ compares when a client declares a queue again; a difference is refused with 406
# PRECONDITION_FAILED. Every other argument is stored and ignored on redeclare (measured on 3.8 to 4.3).
_COMPARED_ON_REDECLARE: Final = frozenset(
    {
        "x-dead-letter-exchange",
        "x-dead-letter-routing-key",
        "x-expires",
        "x-max-length",
        "x-max-length-bytes",
        "x-max-priority",
        "x-message-ttl",
        "x-overflow",
        "x-queue-mode",
        "x-single-active-consumer",
    }
)


def redeclare_hazards(noun: Queue | Exchange, found: tuple[Difference, ...]) -> Iterator[Hazard]:
    """What these differences mean for them: a refusal, or that nobody notices."""
    ignored = [d.path.removeprefix("arguments.") for d in found if _ignored_on_redeclare(noun, d)]
    if len(ignored) < len(found):
        yield Hazard(
            code=HazardCode.REDECLARE_REFUSED,
            message="until then a client that declares it as the spec says is refused (406 PRECONDITION_FAILED)",
        )
    if ignored:
        yield Hazard(
            code=HazardCode.REDECLARE_BLIND,
            message=f"RabbitMQ does not compare {', '.join(map(shown, ignored))} when a client declares it again:"
            " no client will notice",
        )


def _ignored_on_redeclare(noun: Queue | Exchange, difference: Difference) -> bool:
    _, is_argument, argument = difference.path.partition("arguments.")
    if not is_argument:
        return False
    match noun:
        case Queue():
            return argument.split(".")[0] not in _COMPARED_ON_REDECLARE
        case Exchange():
            return argument != "alternate-exchange"
