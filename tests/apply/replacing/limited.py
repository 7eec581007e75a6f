"""A replacement that is interrupted, and policies that come and go meanwhile."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.report import Report, Status
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.work_queue import apply, publish, write
from tests.live import Live

SOON: Final = {"message-ttl": 100}
NEW: Final = ", arguments: {x-max-priority: 5}"
NEW_QUORUM: Final = ", type: quorum, arguments: {x-delivery-limit: 50}"
HOUR: Final = 3_600_000


def interrupted(
    live: Live, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, quorum: bool = False
) -> None:
    """Five messages waited when the replacement began."""
    write(folder, ", type: quorum" if quorum else "")
    apply(live, folder)
    publish(live, range(5))
    write(folder, NEW_QUORUM if quorum else NEW)
    with killed_at(monkeypatch, step):
        apply(live, folder)


def without_policy(live: Live, kind: str = "policies") -> None:
    live.http.delete(f"/api/{kind}/{live.path}/theirs").raise_for_status()


def why_held_back(report: Report) -> str:
    [result] = report.results
    assert result.status is Status.HELD_BACK
    assert not report.interrupted
    return result.reason or ""
