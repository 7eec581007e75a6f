"""A replacement of a queue that ends on its way tells where the messages are; the next apply finishes it."""

from pathlib import Path
from typing import Any, Final

import pytest

from proca_topo.apply.replacing.steps import PROTOCOL, Step
from proca_topo.apply.report import Status
from proca_topo.apply.watch import StopRequestedError
from proca_topo.errors import BrokerError
from proca_topo.plan.changes import Replacing
from proca_topo.render.report_text import outcome
from proca_topo.topology.holding import Holding
from tests.apply.replacing.afterwards import our_own, replaced
from tests.apply.replacing.killing import failing_at, killed_at
from tests.apply.replacing.work_queue import publish, taken, write_richly_bound
from tests.live import Live, desired_in

pytestmark = pytest.mark.broker

BEGUN: Final = "begun and interrupted"
# There is nothing to bind besides where the spec's bindings are those of the old queue.
STEPS: Final = [rule.step.name for rule in PROTOCOL if rule.step is not Step.BIND_WANTED] + ["done"]


def test_a_replacement_that_stops_on_its_way_has_failed(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the new queue is there: its holding queue has messages, and the reason says how to go on."""
    write_richly_bound(tmp_path, "")
    live.apply(desired_in(tmp_path))
    publish(live, range(1))
    write_richly_bound(tmp_path, ", arguments: {x-max-priority: 5}")

    with failing_at(monkeypatch, Step.RETURN_PARKED.name, BrokerError("the disk is full")):
        (result,) = replaced(live, tmp_path).results
    assert (result.status, result.reason) == (
        Status.FAILED,
        (
            "the disk is full (nothing is lost: the next apply goes on from here); "
            f"{BEGUN}: 1 message in its holding queues, where nobody gets them; apply finishes it"
        ),
    )
    assert [result.status for result in replaced(live, tmp_path, Replacing.FINISHING).results] == [Status.APPLIED]
    assert taken(live) == [0]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("meanwhile", ["same", "another", "as it was", "dropped"])
def test_an_interrupted_replacement_is_finished_by_the_next_apply(
    step: str, meanwhile: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any step, and whatever the spec says by then; the plan shows it, and what it holds."""
    write_richly_bound(tmp_path, "")
    live.apply(desired_in(tmp_path))
    publish(live, range(50))
    write_richly_bound(tmp_path, ", arguments: {x-max-priority: 5}")
    with killed_at(monkeypatch, step):
        replaced(live, tmp_path)
    publish(live, range(50, 60))
    match meanwhile:
        case "another":
            write_richly_bound(tmp_path, ", arguments: {x-max-priority: 7}")
        case "as it was":
            write_richly_bound(tmp_path, "")
        case "dropped":
            write_richly_bound(tmp_path, "", name="job")
    how = Replacing.IDLE if meanwhile == "another" else Replacing.FINISHING
    if step == STEPS[0]:
        how = Replacing.IDLE  # nothing was begun
    report = replaced(live, tmp_path, how)
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in report.results}, report.results
    assert our_own(live) == []
    seen = list(dict.fromkeys(taken(live)))
    assert seen == list(range(60))
    report = replaced(live, tmp_path, how)
    assert report.after is not None
    assert report.after.to_do == ()


@pytest.mark.parametrize("step", STEPS[1:-1])
def test_an_interruption_tells_where_the_messages_are(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not where they were, so that nobody reads that nothing has happened."""
    write_richly_bound(tmp_path, "")
    live.apply(desired_in(tmp_path))
    publish(live, range(3))
    write_richly_bound(tmp_path, ", arguments: {x-max-priority: 5}")

    with failing_at(monkeypatch, step, StopRequestedError()):
        report = replaced(live, tmp_path)
    [result] = report.results
    assert report.interrupted
    assert result.status is Status.FAILED
    assert (result.reason or "").startswith(BEGUN)
    assert outcome(report).startswith("Nothing was finished. Interrupted; ")


@pytest.mark.parametrize("left", [{"x-max-priority": 3}, {"x-queue-type": "quorum"}])
def test_a_trial_that_a_killed_run_has_left_is_not_in_the_way(
    left: dict[str, Any], live: Live, tmp_path: Path
) -> None:
    """Though the spec has changed since."""
    write_richly_bound(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as channel:
        channel.queue_declare(Holding.of("work").trial, durable=True, arguments=left)
    write_richly_bound(tmp_path, ", arguments: {x-max-priority: 5}")
    assert [result.status for result in replaced(live, tmp_path).results] == [Status.APPLIED]
    assert our_own(live) == []
