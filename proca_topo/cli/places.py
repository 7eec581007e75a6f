"""Where a command may put a file."""

from pathlib import Path

from proca_topo.errors import UsageError
from proca_topo.topology.names import shown


def check_place(file: Path, directory: Path, what: str) -> None:
    """Raise UsageError where `what` would overwrite the spec, or would be taken for a part of it."""
    from proca_topo.spec.files import TOPOLOGY
    from proca_topo.spec.orgs import FOLDER

    target = file.resolve()
    if target == (directory / TOPOLOGY).resolve() or target.parent == (directory / FOLDER).resolve():
        raise UsageError(f"{shown(str(file))} is a place of the spec's files: save {what} under another name")
