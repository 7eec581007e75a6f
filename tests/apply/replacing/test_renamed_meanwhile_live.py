"""A renaming that is interrupted, and a spec that has yet another name when it is finished."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.replacing.steps import PROTOCOL, Step
from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Replacing
from tests.apply.replacing.afterwards import our_own, replaced
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.work_queue import publish, taken, write_richly_bound
from tests.live import Live, desired_in

pytestmark = pytest.mark.broker

STEPS: Final = [rule.step.name for rule in PROTOCOL if rule.step is not Step.BIND_WANTED]
UNTIL_GONE: Final = STEPS[: STEPS.index(Step.MARK_OLD_GONE.name) + 1]


def interrupted(live: Live, folder: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """The queue work is on its way to become job, with fifty messages and ten that come since."""
    write_richly_bound(folder, "")
    live.apply(desired_in(folder))
    publish(live, range(50))
    write_richly_bound(folder, ", renamed_from: work", name="job")
    with killed_at(monkeypatch, step):
        replaced(live, folder)
    publish(live, range(50, 60))


def is_all_there(report: Report, live: Live, count: int) -> None:
    """Nothing is left to do, or left over, and the queue labour has so many messages."""
    assert report.after is not None
    assert report.after.changes == ()
    assert our_own(live) == []
    assert [queue["name"] for queue in live.definitions()["queues"]] == ["labour"]
    assert list(dict.fromkeys(taken(live, "labour"))) == list(range(count))


def write_retried(folder: Path, name: str, more: str) -> None:
    """The queue in a retry circuit."""
    (folder / "topology.yaml").write_text(
        "topology: 1\nowns: [in, fail, wait, back, work, job, labour]\nexchanges: {in: {type: topic}}\n"
        "retry: {r: {delay: 1s, fail: fail, wait: wait, return: back}}\n"
        f"queues: {{{name}: {{retry: r, bindings: [{{exchange: in}}]{more}}}}}\n"
    )


@pytest.mark.parametrize("step", STEPS)
def test_the_next_name_in_a_row_gets_all_in_the_end(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, or by the apply after the one that finishes what was begun; each says that all is as it planned."""
    interrupted(live, tmp_path, monkeypatch, step)
    write_richly_bound(tmp_path, ", renamed_from: job", name="labour")
    if step == STEPS[0]:  # nothing was begun
        write_richly_bound(tmp_path, ", renamed_from: work", name="labour")
    first = replaced(live, tmp_path)
    publish(live, range(60, 70))
    second = replaced(live, tmp_path)
    assert [report.unexplained for report in (first, second)] == [(), ()]
    is_all_there(second, live, 70)


@pytest.mark.parametrize("step", UNTIL_GONE)
def test_a_name_that_was_put_right_gets_all_at_once(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as the old queue is there; nothing goes to the wrong name, or finds no queue meanwhile."""
    interrupted(live, tmp_path, monkeypatch, step)
    write_richly_bound(tmp_path, ", renamed_from: work", name="labour")
    is_all_there(replaced(live, tmp_path), live, 60)


def test_what_only_an_older_name_needed_waits_for_the_next_name(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes once the queue has that: nobody reads that something else has changed the broker."""
    write_retried(tmp_path, "work", "")
    live.apply(desired_in(tmp_path))
    write_retried(tmp_path, "job", ", renamed_from: work")
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        replaced(live, tmp_path)
    write_retried(tmp_path, "labour", ", renamed_from: job")
    first, second = (live.apply(desired_in(tmp_path), with_prune=True, replacing=Replacing.IDLE) for _ in range(2))
    assert first.unexplained == ()
    old = {result.change.noun.name: (result.status, result.reason) for result in first.results}
    assert old["back -[work]-> labour"] == (
        Status.DRAINING,
        "its replacement had been begun and had to be finished first",
    )
    assert second.after is not None
    assert second.after.changes == ()
