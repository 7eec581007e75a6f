"""Text as lines that know what they are, so that a terminal can colour them and a log need not."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WIDTH: Final = 80
"""Columns that prose is wrapped at. Names are never wrapped: they are copied and searched for."""


_NUMBER: Final = re.compile(r"(?<=\d) (?=\w)")
# No name has it as it is.
_GLUE: Final = "\0"


class Role(StrEnum):
    """What a line is."""

    PLAIN = "plain"
    HEADING = "heading"
    DECLARE = "declare"
    UPDATE = "update"
    REPLACE = "replace"
    RETIRE = "retire"
    DELETE = "delete"
    HELD_BACK = "held back"
    DETAIL = "detail"
    HAZARD = "hazard"
    FAILURE = "failure"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, without its end."""

    text: str
    role: Role = Role.PLAIN


BLANK: Final = Line("")


def as_text(lines: Iterable[Line]) -> str:
    """The lines as plain text, each ended by a newline."""
    return "".join(f"{line.text}\n" for line in lines)


def wrapped(text: str, role: Role = Role.PLAIN, *, indent: int = 0, label: str = "") -> Iterator[Line]:
    """Prose at 80 columns behind `label`, its further lines indented by two more; no number ends one."""
    parts = textwrap.wrap(
        _NUMBER.sub(_GLUE, label + text),
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + (2 if label else 0)),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for part in parts:
        yield Line(part.replace(_GLUE, " "), role)


def of_two_parts(what: str, counts: str, role: Role = Role.PLAIN) -> Iterator[Line]:
    """`what: counts` in one line, or the counts below it if they do not fit there."""
    if len(what) + len(counts) + 2 <= WIDTH:
        yield Line(f"{what}: {counts}", role)
        return
    yield from wrapped(f"{what}:", role)
    yield from wrapped(counts, role, indent=2)
