"""A replacement that an apply has brought to its report, and what is left of it on the broker."""

from pathlib import Path

from proca_topo.apply.report import Report
from proca_topo.plan.changes import Replacing
from tests.live import Live, desired_in


def replaced(live: Live, folder: Path, how: Replacing = Replacing.IDLE) -> Report:
    """The report, which has been read back."""
    report = live.apply(desired_in(folder), replacing=how)
    assert report.after is not None
    return report


def our_own(live: Live) -> list[str]:
    """The names of what only a replacement puts there."""
    there = live.definitions()
    names = [one["name"] for kind in ("queues", "exchanges", "policies") for one in there[kind]]
    return [name for name in names if name.startswith("proca-topo.")]
