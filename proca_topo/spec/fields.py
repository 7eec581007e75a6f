"""The values that occur in documents: durations, words, lists of options."""

import re
from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

from pydantic import BeforeValidator, Field, StrictInt, StrictStr
from pydantic_core import PydanticCustomError

from proca_topo.topology.taken_values import MAX_MILLISECONDS

_UNITS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION: Final = re.compile(r"([0-9]{1,15})(ms|s|m|h|d)")
_ALTERNATIVES: Final = re.compile(r"[^.|\s]+(\|[^.|\s]+)*")

T = TypeVar("T")


def wrong(text: str, *, quote: bool = False) -> PydanticCustomError:
    """An error whose text is already in words for people; `quote` advises to quote what stands there."""
    return PydanticCustomError("spec_quote" if quote else "spec", "{text}", {"text": text})


def milliseconds(value: object) -> int:
    """A duration in milliseconds from `30s`, `5m`, `1h`, `2d`, `500ms` or a whole number of milliseconds.

    Raises PydanticCustomError in words for anything else, also for more than ten years, RabbitMQ's limit.
    """
    match value:
        case bool():
            number = None
        case int():
            number = value
        case str() if (match := _DURATION.fullmatch(value)) is not None:
            number = int(match[1]) * _UNITS[match[2]]
        case _:
            number = None
    if number is None:
        raise wrong("must be a duration: 500ms, 30s, 5m, 1h, 2d, or a whole number of milliseconds")
    if number < 0:
        raise wrong("must not be negative")
    if number > MAX_MILLISECONDS:
        raise wrong(f"must be at most {MAX_MILLISECONDS} ms (10 years), RabbitMQ's limit")
    return number


def _positive_milliseconds(value: object) -> int:
    number = milliseconds(value)
    if number == 0:
        raise wrong("must be more than 0")
    return number


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _something(value: T | None) -> T:
    if value is None:
        raise wrong(NOTHING)
    return value


def nothing_is(empty: Callable[[], Any]) -> BeforeValidator:
    """A key with nothing after it means the empty mapping or list."""
    return BeforeValidator(lambda value: empty() if value is None else value)


def _words(value: str) -> str:
    if _ALTERNATIVES.fullmatch(value) is None:
        raise wrong("must be one word of the routing key, or alternatives like custom|system: no dots, no spaces")
    return value


def _variable(value: object) -> object:
    match value:
        case bool() | float():
            raise wrong("must be text or a whole number", quote=True)
        case int():
            return str(value)
        case _:
            return value


NOTHING: Final = 'has nothing after it (text that begins with # needs quotes, the empty text is "")'

Milliseconds = Annotated[int, BeforeValidator(milliseconds, json_schema_input_type=int | str)]
PositiveMilliseconds = Annotated[int, BeforeValidator(_positive_milliseconds, json_schema_input_type=int | str)]
Words = Annotated[StrictStr, BeforeValidator(lambda value: _words(value) if isinstance(value, str) else value)]
When = Annotated[list[StrictStr], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str])]
Variable = Annotated[StrictStr, BeforeValidator(_variable, json_schema_input_type=str | int)]
Version = StrictInt
# Optional keys: absent is None, but a key that is there must have a value.
Maybe = Annotated[T | None, BeforeValidator(_something)]
Table = Annotated[dict[str, T], nothing_is(dict), Field(default_factory=dict)]
Listing = Annotated[list[T], nothing_is(list), Field(default_factory=list)]
Body = Annotated[T, nothing_is(dict)]
