"""Arguments of queues, exchanges and bindings, and policy definitions: tables that can be compared."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

_EMPTY_JSON: Final = "{}"
# One for all: `json.dumps` makes one for each call, which doubles the time for the arguments of a whole vhost.
_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)
_PLAIN: Final = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True, slots=True)
class Arguments:
    """A table of JSON values, equal to another if RabbitMQ's management API would show the same.

    Kept as canonical JSON text (sorted keys, whole floats written as integers), so that comparing and hashing
    15,000 of them is cheap, `true` is not `1`, and `30000` equals `30000.0`.
    """

    canonical: str = _EMPTY_JSON

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> "Arguments":
        """The arguments in `table`, whose values are what JSON can hold."""
        if not table:
            return NO_ARGUMENTS
        plain = all(type(value) in _PLAIN for value in table.values())
        return cls(_ENCODER.encode(table if plain else _normalised(table)))

    def to_dict(self) -> dict[str, Any]:
        """A fresh dictionary of them, for JSON and for reading single values."""
        if self.canonical == _EMPTY_JSON:
            return {}
        table: dict[str, Any] = json.loads(self.canonical)
        return table

    def get(self, key: str) -> Any:  # noqa: ANN401 - an argument can be any JSON value
        """The value of one argument, None where it is absent."""
        return self.to_dict().get(key)

    def __bool__(self) -> bool:
        return self.canonical != _EMPTY_JSON

    def __iter__(self) -> Iterator[str]:
        return iter(self.to_dict())


NO_ARGUMENTS: Final = Arguments()


def _normalised(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case bool() | int() | str() | None:
            return value
        case float():
            return int(value) if value.is_integer() else value
        case Mapping():
            return {str(key): _normalised(item) for key, item in value.items()}
        case list() | tuple():
            return [_normalised(item) for item in value]
        case _:
            raise TypeError(f"not a JSON value: {value!r}")
