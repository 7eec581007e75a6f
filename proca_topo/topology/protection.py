"""What the spec protects: kept as it is, whatever a plan would do to it."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Noun


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedPattern:
    """One entry of `protect`, as a regular expression for `fullmatch`; `place` is its file, line and column."""

    text: str
    regex: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Protection:
    """The entries of `protect`. A binding is protected if its destination or its source is."""

    patterns: tuple[ProtectedPattern, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def reason(self, noun: Noun) -> str | None:
        """Why this object is neither deleted nor replaced nor retired; None if it is not protected."""
        names = (noun.destination, noun.source) if isinstance(noun, Binding) else (noun.name,)
        for name in names:
            for pattern, regex in self._compiled:
                if regex.fullmatch(name) is not None:
                    return f"protected by protect: {shown(pattern.text)} ({shown(pattern.place)})"
        return None

    @cached_property
    def _compiled(self) -> tuple[tuple[ProtectedPattern, re.Pattern[str]], ...]:
        return tuple((pattern, re.compile(pattern.regex)) for pattern in self.patterns)


NOTHING_PROTECTED: Final = Protection()
