"""An apply that is interrupted when there is nothing left to do is done, and one that still waits is not."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.apply.waiting import wait_for_draining
from proca_topo.apply.watch import StopRequestedError
from proca_topo.errors import ExitCode
from proca_topo.render.lines import as_text
from proca_topo.render.report_text import report_lines
from tests.brokers.fixtures import TestBroker
from tests.live import desired_in, live_vhost

pytestmark = pytest.mark.broker

QUEUE: Final = """\
topology: 1
owns: ["e", "q"]
exchanges: {e: {type: topic}}
queues:
  q: {bindings: [{exchange: e, key: "#"}]}
"""
NO_QUEUE: Final = 'topology: 1\nowns: ["e", "q"]\nexchanges: {e: {type: topic}}\n'


class _InterruptedOnce:
    """A watcher that wants the apply to stop from when so many objects are done."""

    def __init__(self, done: int) -> None:
        self._left = done

    def stage(self, title: str, total: int) -> None:
        del title, total
        self._stop_if_done()

    def advance(self, count: int) -> None:
        self._left -= count
        self._stop_if_done()

    def _stop_if_done(self) -> None:
        if self._left <= 0:
            raise StopRequestedError


def test_an_apply_that_is_interrupted_when_all_is_done_does_not_say_that_it_stopped(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUE)
        report = live.apply(desired_in(tmp_path), with_prune=True, watch=_InterruptedOnce(3))
        assert (report.stopped, report.interrupted, report.exit_code()) == (None, False, ExitCode.DONE)
        text = as_text(report_lines(report))
        assert "Stopped" not in text
        assert text.endswith("\nDone: 3 changes applied and read back. Nothing is pending.\n")


def test_an_interruption_after_the_last_change_ends_the_wait_for_what_drains(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUE)
        live.apply(desired_in(tmp_path))
        live.fill("q", 1)
        (tmp_path / "topology.yaml").write_text(NO_QUEUE)
        watch = _InterruptedOnce(1)  # the binding
        report = live.apply(desired_in(tmp_path), with_prune=True, watch=watch)
        assert [result.status for result in report.results].count(Status.DRAINING) == 1

        def never() -> Report:
            raise AssertionError

        assert wait_for_draining(report, never, patience_seconds=60, watch=watch).interrupted
