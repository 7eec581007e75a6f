"""Which headers a binding of a headers exchange asks for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from proca_topo.topology.arguments import Arguments

Headers = Mapping[str, Any]
"""A message's headers, as JSON values."""

_X_MATCH: Final = "x-match"
_ANY: Final = frozenset({"any", "any-with-x"})
_WITH_X: Final = frozenset({"all-with-x", "any-with-x"})


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedHeaders:
    """What the arguments of a binding ask of a message's headers.

    An argument without a value asks that the header is there. Without any argument `all` lets everything through
    and `any` nothing. What begins with `x-` counts only for `all-with-x` and `any-with-x`, which RabbitMQ knows
    since 3.10.
    """

    wanted: Mapping[str, Any]
    any_is_enough: bool

    @classmethod
    def of(cls, arguments: Arguments) -> "WantedHeaders":
        """The headers that a binding with these arguments asks for."""
        table = arguments.to_dict()
        match_by = table.pop(_X_MATCH, "all")
        wanted = table if match_by in _WITH_X else {k: v for k, v in table.items() if not k.startswith("x-")}
        return cls(wanted=wanted, any_is_enough=match_by in _ANY)

    def admit(self, headers: Headers, is_unsure: Callable[[str], bool]) -> bool | None:
        """Whether a message with these headers is let through; None where that depends on one that is unsure."""
        met = {
            None if is_unsure(name) else name in headers and _is_met(value, headers[name])
            for name, value in self.wanted.items()
        }
        # One that is met is enough for `any`, and one that is not for `all`, whatever the others are.
        if self.any_is_enough in met:
            return self.any_is_enough
        return None if None in met else not self.any_is_enough


def _is_met(wanted: Any, found: Any) -> bool:  # noqa: ANN401 - headers hold any JSON value
    # Of the same type too: RabbitMQ tells `true`, 1 and "1" apart.
    return wanted is None or (isinstance(found, bool) == isinstance(wanted, bool) and wanted == found)
