"""Commands to tell people to run."""

import shlex
from pathlib import Path


def command_line(*arguments: str, directory: Path) -> str:
    """A proca-topo command for the same directory, ready to be copied."""
    where = ("-C", str(directory)) if directory != Path() else ()
    return shlex.join(["proca-topo", *arguments, *where])
