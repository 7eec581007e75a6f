"""Reading files."""

import errno
from pathlib import Path
from typing import Final

from proca_topo.spec.problems import Position, Problem

TOPOLOGY: Final = "topology.yaml"


def read_text(path: Path, file: str, problems: list[Problem]) -> str | None:
    """The text of a file; None if it cannot be read, which is then one of `problems`."""
    try:
        # Unbuffered, which for thousands of small files takes half the time.
        with path.open("rb", buffering=0) as opened:
            return opened.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        position = Position(
            file=file,
            line=before.count(b"\n") + 1,
            column=len(before.rsplit(b"\n", 1)[-1].decode(errors="replace")) + 1,
        )
        problems.append(Problem(where=position, text="not UTF-8; save the file with the encoding UTF-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        problems.append(Problem(where=Position(file=file), text=f"cannot be read: {reason}"))
    return None


def is_there(path: Path) -> bool:
    """Whether something has this path, be it a broken link or something that may not be looked at."""
    try:
        return path.exists() or path.is_symlink()
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG


def text_again(directory: Path, file: str) -> str | None:
    """A file's text for telling positions in it, None if it is gone by now."""
    return read_text(directory / file, file, [])
