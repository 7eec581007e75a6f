"""A vhost that somebody deletes while an apply is under way is told as that, and not as what follows from it."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.locking import Guarded
from proca_topo.apply.report import Report, Status
from proca_topo.errors import ExitCode
from proca_topo.plan.changes import Replacing
from proca_topo.render.lines import as_text
from proca_topo.render.report_text import report_lines
from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost

pytestmark = pytest.mark.broker

QUEUES: Final = """\
topology: 1
owns: ["e", "q1", "q2"]
exchanges: {{e: {{type: topic}}}}
queues:
  q1: {{ttl: {ttl}, bindings: [{{exchange: e, key: "#"}}]}}
  q2: {{ttl: {ttl}, bindings: [{{exchange: e, key: "#"}}]}}
"""
MESSAGES: Final = 2000


class _DeletedIn:
    """A watcher in whose stage of this title the vhost is deleted, when something of it is done."""

    def __init__(self, live: Live, title: str) -> None:
        self._live = live
        self._title = title
        self._is_in = False

    def stage(self, title: str, total: int) -> None:
        del total
        self._is_in = title == self._title

    def advance(self, count: int) -> None:
        if self._is_in and count:
            self._is_in = False
            self._live.http.delete(f"/api/vhosts/{self._live.path}").raise_for_status()


def applied(live: Live, folder: Path, stage: str) -> Report:
    desired = desired_in(folder)
    lock = live.broker.lock(live.vhost)
    try:
        watch = Guarded(_DeletedIn(live, stage), lock)
        report = live.apply(desired, replacing=Replacing.IDLE, watch=watch)
    finally:
        lock.release()
    assert report.plan.to_do
    return report


def check(report: Report, vhost: str) -> None:
    """Everything that was to be done has come to nothing for this one reason."""
    told = f"somebody has deleted the vhost {vhost} meanwhile, with everything in it"
    assert {(result.status, result.reason) for result in report.results} == {(Status.FAILED, told)}
    assert (report.stopped, report.unread, report.exit_code()) == (None, None, ExitCode.FAILED)
    text = " ".join(as_text(report_lines(report)).split())
    assert text.count(told) == 1
    assert "nothing is lost" not in text
    assert "Failed: nothing was applied." in text


def test_a_vhost_that_is_deleted_while_messages_are_moved(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUES.format(ttl="1h"))
        live.apply(desired_in(tmp_path))
        live.fill("q1", MESSAGES)
        (tmp_path / "topology.yaml").write_text(QUEUES.format(ttl="2h"))
        check(applied(live, tmp_path, "q1: parking messages"), vhost)


def test_a_vhost_that_is_deleted_while_objects_are_declared(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """What had been declared by then is gone too."""
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUES.format(ttl="1h"))
        check(applied(live, tmp_path, "exchanges"), vhost)
