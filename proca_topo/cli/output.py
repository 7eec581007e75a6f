"""Results go to stdout, talk to stderr. Colours only where a terminal wants them."""

import os
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

from proca_topo.errors import FileError, OutputError, ReaderGoneError
from proca_topo.files import replace_text, where_links_lead
from proca_topo.render.lines import Line, as_text
from proca_topo.topology.names import one_line, shown

_PASSWORD_IN_URL: Final = re.compile(r"(://[^:/@\s]*):[^\s/?#]*@")


def results(lines: Iterable[Line]) -> None:
    """Lines that are the command's result."""
    result(_coloured(sys.stdout, lines))


def result(text: str) -> None:
    """Text that is the command's result, for programs: as it is."""
    _put(sys.stdout, text)


def talk(lines: Iterable[Line]) -> None:
    """Lines that are no result."""
    _mention(_coloured(sys.stderr, lines))


def say(text: str) -> None:
    """A few words that are no result."""
    _mention("".join(f"{_safe(line)}\n" for line in text.splitlines()))


def confirmed(question: str) -> bool:
    """Ask at the terminal; anything but a yes is a no."""
    _mention(f"{question} [y/N] ")
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def is_interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def without_secrets(text: str) -> str:
    """Text with passwords masked: ours, and any inside a URL."""
    if password := os.environ.get("PROCA_TOPO_PASSWORD"):
        text = text.replace(password, "***")
    return _PASSWORD_IN_URL.sub(r"\1:***@", text)


def without_passwords(text: str) -> str:
    """Text with passwords taken out of its URLs, which stay URLs."""
    return _PASSWORD_IN_URL.sub(r"\1@", text)


def _safe(line: str) -> str:
    indent = len(line) - len(line.lstrip(" "))
    return " " * indent + one_line(line)


def _mention(text: str) -> None:
    # Where stderr takes nothing there is nobody left to tell, which is no reason to leave work half-done.
    with suppress(OutputError):
        _put(sys.stderr, text)


def _put(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        # What is still in the buffer would fail once more as Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        kind = ReaderGoneError if isinstance(error, BrokenPipeError) else OutputError
        raise kind(f"cannot write to stdout: {error.strerror}") from error


def _coloured(stream: TextIO, lines: Iterable[Line]) -> str:
    if not stream.isatty() and "FORCE_COLOR" not in os.environ:
        return as_text(lines)
    from rich.color import ColorSystem
    from rich.console import Console

    from proca_topo.render.terminal import in_colour

    console = Console(file=stream)
    if console.color_system is None or console.no_color:
        return as_text(lines)
    return in_colour(lines, ColorSystem.STANDARD)


def write_file(path: Path, text: str) -> None:
    """Put text into a file, all of it or nothing, and into a device or pipe as it comes.

    A link is followed. Raises FileError where that cannot be done.
    """
    target = where_links_lead(path)
    if target.is_symlink():
        raise FileError(f"cannot write {shown(str(path))}: it is a link that leads back to itself")
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
        else:
            replace_text(target, text)
    except OSError as error:
        raise FileError(f"cannot write {shown(str(path))}: {error.strerror}") from error
