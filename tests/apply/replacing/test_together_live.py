"""Many queues are replaced at the same time: each keeps what it had, and one that cannot be stops no other."""

from pathlib import Path
from threading import Event, Lock
from typing import Final

import pika
import pytest

from proca_topo.apply.replacing import boundary
from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Status
from proca_topo.apply.watch import StopRequestedError
from proca_topo.plan.changes import Replacing
from tests.apply.replacing.killing import KilledError
from tests.apply.replacing.work_queue import apply, queues, statuses, taken
from tests.live import Live

pytestmark = pytest.mark.broker

NAMES: Final = [f"work{number:02}" for number in range(20)]
MESSAGES: Final = range(5)
_SECONDS: Final = 120


def write(folder: Path, more: str, *, kind: str = "classic") -> None:
    wanted = "\n".join(
        f"  {name}: {{type: {kind}{more}, bindings: [{{exchange: in, key: {name}}}]}}" for name in NAMES
    )
    (folder / "topology.yaml").write_text(
        f"topology: 1\nowns: [in, 'work*']\nexchanges: {{in: {{type: topic}}}}\nqueues:\n{wanted}\n"
    )


@pytest.fixture(params=["classic", "quorum"])
def changed(request: pytest.FixtureRequest, live: Live, tmp_path: Path) -> Path:
    """The spec of queues that are there with messages, with another limit."""
    write(tmp_path, "", kind=request.param)
    apply(live, tmp_path)
    with live.channel() as channel:
        persistent = pika.BasicProperties(delivery_mode=2)
        for name in NAMES:
            for number in MESSAGES:
                channel.basic_publish("in", name, str(number).encode(), persistent, mandatory=True)
    write(tmp_path, ", max-length: 5000", kind=request.param)
    return tmp_path


def check_all(live: Live, *, shared: str | None = None) -> None:
    """Each has what it had, in its order but for one that two had messages of at a time."""
    assert queues(live) == {name: {"x-max-length": 5000} for name in NAMES}
    for name in NAMES:
        found = list(dict.fromkeys(taken(live, name)))
        assert (sorted(found) if name == shared else found) == [*MESSAGES]


def test_each_keeps_what_it_had(live: Live, changed: Path) -> None:
    assert statuses(apply(live, changed)) == {Status.APPLIED}
    check_all(live)


def test_one_that_is_in_use_does_not_stop_the_others(
    live: Live, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its consumer has come after the plan was made."""
    with live.channel() as channel:
        came: list[str] = []
        alone = Lock()

        def reached(step: str) -> None:
            with alone:
                if step == Step.PARK.name and not came:
                    came.append(channel.basic_consume(NAMES[-1], lambda *_: None))

        with monkeypatch.context() as patched:
            patched.setattr(boundary, "reached", reached)
            report = apply(live, changed)
    failed = [result for result in report.results if result.status is not Status.APPLIED]
    assert [result.change.noun.name for result in failed] == [NAMES[-1]]
    assert "somebody consumes from work19: stop it" in (failed[0].reason or "")
    assert statuses(apply(live, changed)) == {Status.APPLIED}
    check_all(live, shared=NAMES[-1])


@pytest.mark.parametrize("step", [Step.UNBIND_OLD, Step.DECLARE_NEW, Step.CLOSE_WAY_BACK])
def test_killed_among_them_it_is_finished_by_the_next_apply(
    step: Step, live: Live, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some are done by then, some not begun, and some are in the middle of it."""
    passed: list[str] = []

    def reached(name: str) -> None:
        passed.append(name)
        if passed.count(step.name) > len(NAMES) // 2:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(boundary, "reached", reached)
        with pytest.raises(KilledError):
            apply(live, changed)
    assert statuses(apply(live, changed)) == {Status.APPLIED}
    check_all(live)


def test_asked_to_stop_none_goes_on(live: Live, changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report tells of each where its messages are."""
    asked: list[str] = []
    several = Event()

    def reached(step: str) -> None:
        asked.append(step)
        if asked.count(Step.MARK_OLD_GONE.name) > 1:
            several.set()
            raise StopRequestedError
        if step == Step.MARK_OLD_GONE.name:
            # Not done before another one is as far.
            assert several.wait(_SECONDS)

    with monkeypatch.context() as patched:
        patched.setattr(boundary, "reached", reached)
        report = apply(live, changed)
    assert report.interrupted
    begun = [result for result in report.results if "begun and interrupted" in (result.reason or "")]
    assert begun
    assert statuses(report) == {Status.FAILED, Status.NOT_TRIED}
    assert statuses(apply(live, changed, Replacing.IDLE)) == {Status.APPLIED}
    check_all(live)
