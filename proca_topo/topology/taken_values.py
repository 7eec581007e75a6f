"""Which values RabbitMQ takes for its arguments and for the keys of policies, as far as all its versions agree.

The tables are what 3.10, 4.0 and 4.3 refuse alike (measured; a test holds each line to the broker). What one of
them takes is not refused here: `x-queue-mode: odd` is taken by 4.3 alone, a text as `x-delivery-limit` by all. An
argument that a queue's type does not know at all is a matter of rule PT204.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, assert_never

MAX_MILLISECONDS: Final = 315_360_000_000
"""Of a TTL or an expiry: ten years. A policy with more is taken, and a classic queue then drops what comes."""

_MAX_SEGMENT_BYTES: Final = 3_000_000_000
_AGE: Final = re.compile(r"0*[1-9][0-9]*[YMDhms]\n?")


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A whole number within limits, both included. `5.0` is one."""

    least: int | None = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of these words; those that are `untold` too, which nobody needs to be advised of."""

    words: tuple[str, ...]
    untold: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Text:
    """Any text."""


@dataclass(frozen=True, slots=True)
class TrueOrFalse:
    """Either."""


@dataclass(frozen=True, slots=True)
class Age:
    """How old messages of a stream become: `7D`."""


@dataclass(frozen=True, slots=True)
class OnlyArgument:
    """No policy can set it, whatever the value."""


Taken = WholeNumber | OneOf | Text | TrueOrFalse | Age | OnlyArgument

_OVERFLOW: Final = OneOf(("drop-head", "reject-publish", "reject-publish-dlx"))
_LEADERS: Final = OneOf(("client-local", "balanced"), untold=("random", "least-leaders"))
_STRATEGIES: Final = OneOf(("at-most-once", "at-least-once"))
_PROMOTIONS: Final = OneOf(("always", "when-synced"))

QUEUE_ARGUMENTS: Final[Mapping[str, Taken]] = {
    "x-dead-letter-exchange": Text(),
    "x-dead-letter-routing-key": Text(),
    "x-dead-letter-strategy": _STRATEGIES,
    "x-expires": WholeNumber(least=1, most=MAX_MILLISECONDS),
    "x-initial-cluster-size": WholeNumber(least=1),
    "x-max-age": Age(),
    "x-max-in-memory-bytes": WholeNumber(),
    "x-max-in-memory-length": WholeNumber(),
    "x-max-length": WholeNumber(),
    "x-max-length-bytes": WholeNumber(),
    "x-max-priority": WholeNumber(most=255),
    "x-message-ttl": WholeNumber(most=MAX_MILLISECONDS),
    "x-overflow": _OVERFLOW,
    "x-queue-leader-locator": _LEADERS,
    # 4.0 takes the first of what is untold, 4.3 both, for the vhost's default. Plugins can bring more types.
    "x-queue-type": OneOf(("classic", "quorum", "stream"), untold=("undefined", "")),
    "x-queue-version": WholeNumber(least=1, most=2),
    "x-quorum-initial-group-size": WholeNumber(least=1),
    "x-single-active-consumer": TrueOrFalse(),
    "x-stream-max-segment-size-bytes": WholeNumber(most=_MAX_SEGMENT_BYTES),
}
"""By argument of a queue: what every type that knows it takes."""

POLICY_KEYS: Final[Mapping[str, Taken]] = {
    "alternate-exchange": Text(),
    "consumer-timeout": WholeNumber(),
    "dead-letter-exchange": Text(),
    "dead-letter-routing-key": Text(),
    "dead-letter-strategy": _STRATEGIES,
    # From 4.0 on a negative one is no limit.
    "delivery-limit": WholeNumber(least=None),
    "expires": WholeNumber(least=1),
    "ha-mode": OneOf(("all", "exactly", "nodes")),
    "ha-promote-on-failure": _PROMOTIONS,
    "ha-promote-on-shutdown": _PROMOTIONS,
    "ha-sync-mode": OneOf(("manual", "automatic")),
    "initial-cluster-size": WholeNumber(),
    "max-age": Age(),
    "max-in-memory-bytes": WholeNumber(),
    "max-in-memory-length": WholeNumber(),
    "max-length": WholeNumber(),
    "max-length-bytes": WholeNumber(),
    "max-priority": OnlyArgument(),
    "message-ttl": WholeNumber(),
    "overflow": _OVERFLOW,
    "queue-leader-locator": _LEADERS,
    "queue-master-locator": OneOf(("client-local", "min-masters", "random")),
    "queue-mode": OneOf(("default", "lazy")),
    "queue-type": OnlyArgument(),
    "queue-version": WholeNumber(least=1, most=2),
    "quorum-initial-group-size": OnlyArgument(),
    "single-active-consumer": OnlyArgument(),
    "stream-filter-size-bytes": WholeNumber(least=16, most=255),
    "stream-max-segment-size-bytes": WholeNumber(most=_MAX_SEGMENT_BYTES),
    "target-group-size": WholeNumber(least=1),
}
"""By key of a policy."""

HEADERS_BINDING_ARGUMENTS: Final[Mapping[str, Taken]] = {
    "x-match": OneOf(("all", "any", "all-with-x", "any-with-x")),
}
"""By argument of a binding from a headers exchange. From other exchanges every value is taken."""


def refusal(taken: Taken, value: object) -> str | None:
    """What RabbitMQ asks of a value that no version takes, in words that go on after its key; otherwise None."""
    match taken:
        case WholeNumber():
            return _refused_number(taken, value)
        case OneOf():
            *others, last = taken.words
            fits = isinstance(value, str) and value in (*taken.words, *taken.untold)
            asked = f"must be {', '.join(others)} or {last}"
        case Text():
            fits, asked = isinstance(value, str), "must be text"
        case TrueOrFalse():
            fits, asked = isinstance(value, bool), "must be true or false"
        case Age():
            fits = isinstance(value, str) and _AGE.fullmatch(value) is not None
            asked = "must be a number and one of Y, M, D, h, m and s, such as 7D"
        case OnlyArgument():
            fits, asked = False, "can be set by no policy, only by an argument of the queue"
        case _:
            assert_never(taken)
    return None if fits else asked


def _refused_number(taken: WholeNumber, value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        return "must be a whole number"
    if taken.least is not None and value < taken.least:
        return f"must be at least {taken.least}, not {int(value)}"
    if taken.most is not None and value > taken.most:
        return f"must be at most {taken.most}, not {int(value)}"
    return None
