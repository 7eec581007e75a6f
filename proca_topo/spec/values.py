"""Values among arguments and in policies that no RabbitMQ takes, told in the spec instead of by a failed apply."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from proca_topo.spec.context import Context
from proca_topo.spec.placeholders import names_in
from proca_topo.spec.problems import Where
from proca_topo.topology.names import shown
from proca_topo.topology.taken_values import Age, OneOf, Taken, refusal

# Not said of a number that is only too large or too small: who wrote it knows the argument.
_INSTEAD: Final = {
    "x-message-ttl": "ttl: 30s",
    "x-expires": "expires: 30m",
    "x-max-length": "max-length: 1000",
    "x-max-length-bytes": "max-length-bytes: 1000000",
    "x-max-priority": "priorities: 10",
}
_NO_NUMBER: Final = "must be a whole number"


def check_values(
    context: Context, table: Mapping[str, Taken], values: Mapping[str, Any], where: Where, *, quoted: bool = False
) -> None:
    """Note each value that RabbitMQ would refuse; `where` is the mapping that they stand in."""
    for key, value in values.items():
        taken = table.get(key)
        # Who reads the mapping tells of what has nothing after it.
        if taken is None or value is None or _is_open(context, taken, value):
            continue
        if (asked := refusal(taken, value)) is not None:
            called = f"`{key}`" if quoted else key
            context.problem(where.at(key), f"{called} {asked}{_advice(key, taken, value, asked)}")


def _is_open(context: Context, taken: Taken, value: object) -> bool:
    """Whether it is for orgs to say what this text is. A number it never becomes."""
    is_filled_in = isinstance(taken, (OneOf, Age)) and isinstance(value, str) and bool(names_in(value))
    return context.in_template and is_filled_in


def _advice(key: str, taken: Taken, value: object, asked: str) -> str:
    if asked == _NO_NUMBER and key in _INSTEAD:
        return f"; or write `{_INSTEAD[key]}` instead"
    if isinstance(taken, OneOf) and isinstance(value, str):
        close = get_close_matches(value, taken.words, n=1)
        if close:
            return f"; did you mean {shown(close[0])}?"
    return "; for a plugin's type write `type`" if key == "x-queue-type" else ""
