"""Text as lines that know what they are, so that a terminal can colour them and a log need not."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

WIDTH: Final = 80
"""Columns that prose is wrapped at. Names are never wrapped: they are copied and searched for."""


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
    """Prose at 80 columns behind `label`, its further lines indented by two more."""
    parts = textwrap.wrap(
        label + text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + (2 if label else 0)),
        break_long_words=False,
        break_on_hyphens=False,
    )
    for part in parts:
        yield Line(part, role)
