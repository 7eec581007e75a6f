"""A vhost that somebody deletes while an apply is under way is told as that, and not as what follows from it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.locking import Guarded
from proca_topo.apply.report import Report, Status
from proca_topo.apply.run import apply_anew
from proca_topo.apply.waiting import wait_for_draining
from proca_topo.apply.watch import SILENT, Watcher
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
NO_QUEUES: Final = """\
topology: 1
owns: ["e", "q1", "q2"]
exchanges: {e: {type: topic}}
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
            delete_vhost(self._live)


def delete_vhost(live: Live) -> None:
    live.http.delete(f"/api/vhosts/{live.path}").raise_for_status()


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


def waited(live: Live, folder: Path, pause: Callable[[], None], watch: Watcher = SILENT) -> Report:
    """An apply that has unbound two queues and waits for the one that drains; `watch` is of what it does then."""
    (folder / "topology.yaml").write_text(QUEUES.format(ttl="1h"))
    live.apply(desired_in(folder))
    live.fill("q1", 1)
    (folder / "topology.yaml").write_text(NO_QUEUES)
    desired = desired_in(folder)
    report = live.apply(desired, with_prune=True)
    assert {result.status for result in report.results} == {Status.APPLIED, Status.DRAINING}
    again = partial(
        apply_anew,
        desired,
        live.broker,
        live.vhost,
        with_prune=True,
        watch=watch,
        replacing=Replacing.IDLE,
        only=report.plan,
    )
    return wait_for_draining(report, again, patience_seconds=60, watch=SILENT, sleep=lambda _: pause())


def test_a_vhost_that_is_deleted_while_an_apply_waits_for_what_drains(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """What had been applied by then is gone too, and nothing drains."""
    with live_vhost(broker_urls, vhost) as live:
        check(waited(live, tmp_path, pause=lambda: delete_vhost(live)), vhost)


def test_a_vhost_that_is_deleted_after_such_a_wait_while_what_has_drained_goes(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:

        def consumed() -> None:
            live.http.delete(f"/api/queues/{live.path}/q1/contents").raise_for_status()

        check(waited(live, tmp_path, consumed, _DeletedIn(live, "deleting queues")), vhost)
