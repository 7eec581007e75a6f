"""What is wrong in a spec as GitHub's workflow commands, which mark the lines of a pull request."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from proca_topo.render.findings_text import message
from proca_topo.render.validation import code_in, problem
from proca_topo.spec.findings import PlacedFinding, unallowed
from proca_topo.topology.names import one_line

_IN_TEXT: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def findings_github(found: Iterable[PlacedFinding], directory: Path) -> Iterator[str]:
    """A command for each finding that is not allowed. Files are named from where the command runs."""
    for one in unallowed(found):
        at = f"file={_property(directory / one.file)},line={one.line},col={one.column}"
        yield f"::{one.severity} {at},title={one.code}::{message(one).translate(_IN_TEXT)}\n"


def problems_github(problems: Iterable[str], directory: Path) -> Iterator[str]:
    """The same for what makes a spec invalid."""
    for text in problems:
        told, code = problem(text), code_in(text)
        about = [] if code is None else [f"title={code}"]
        if told["file"] is not None:
            about.insert(0, f"file={_property(directory / told['file'])},line={told['line']},col={told['column']}")
        where = f" {','.join(about)}" if about else ""
        yield f"::error{where}::{one_line(told['message']).translate(_IN_TEXT)}\n"


def _property(path: Path) -> str:
    return one_line(str(path)).translate(_IN_PROPERTY)
