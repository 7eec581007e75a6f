"""Lines in colour."""

from collections.abc import Iterable, Mapping
from typing import Final

from rich.color import ColorSystem
from rich.style import Style
from rich.text import Text

from proca_topo.render.lines import Line, Role

_STYLES: Final[Mapping[Role, Style]] = {
    Role.PLAIN: Style(),
    Role.HEADING: Style(bold=True),
    Role.DECLARE: Style(color="green"),
    Role.UPDATE: Style(color="yellow"),
    Role.REPLACE: Style(color="magenta"),
    Role.RETIRE: Style(color="cyan"),
    Role.DELETE: Style(color="red"),
    Role.HELD_BACK: Style(color="bright_black"),
    Role.DETAIL: Style(),
    Role.HAZARD: Style(color="yellow"),
    Role.FAILURE: Style(color="red", bold=True),
    Role.SUMMARY: Style(bold=True),
}


def in_colour(lines: Iterable[Line], colours: ColorSystem) -> str:
    """The lines with a terminal's colour codes. Style by style, not through rich's markup: names stay names."""
    return "".join(f"{_STYLES[line.role].render(line.text, color_system=colours)}\n" for line in lines)


def as_rich(lines: Iterable[Line]) -> Text:
    """The lines as one rich text, for pictures."""
    text = Text()
    for line in lines:
        text.append(f"{line.text}\n", _STYLES[line.role])
    return text
