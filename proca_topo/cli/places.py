"""Where a command may put a file."""

from pathlib import Path

from proca_topo.errors import UsageError
from proca_topo.files import where_links_lead
from proca_topo.topology.names import shown


def check_place(file: Path, directory: Path, what: str) -> None:
    """Raise UsageError where `what` would overwrite the spec, or would be taken for a part of it."""
    from proca_topo.spec.files import TOPOLOGY
    from proca_topo.spec.orgs import FOLDER

    target = where_links_lead(file)
    if target == where_links_lead(directory / TOPOLOGY) or target.parent == where_links_lead(directory / FOLDER):
        raise UsageError(f"{shown(str(file))} is a place of the spec's files: save {what} under another name")
