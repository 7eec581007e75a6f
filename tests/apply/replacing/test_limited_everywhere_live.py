"""A policy for every name is one for the holding queues as well."""

from pathlib import Path

import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Status
from tests.apply.replacing.limited import HOUR, NEW, SOON, interrupted, why_held_back, without_policy
from tests.apply.replacing.work_queue import KINDS, apply, limited_by, statuses, taken, write
from tests.live import Live

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [SOON, {"expires": HOUR}, {"max-length": 1}, {"max-length-bytes": 1}])
def test_a_policy_for_every_name_keeps_a_replacement_from_beginning(
    limit: dict[str, int], kind: str, live: Live, tmp_path: Path
) -> None:
    """It would be in force on what holds the messages."""
    write(tmp_path, "")
    apply(live, tmp_path)
    limited_by(live, limit, pattern=".*", kind=kind)
    before = live.definitions()
    write(tmp_path, NEW)
    reason = why_held_back(apply(live, tmp_path))
    assert reason.startswith(f"the policy theirs would give {next(iter(limit))} to the queue that holds messages")
    assert live.definitions() == before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [Step.PARK.name, Step.DECLARE_NEW.name, Step.RETURN_PARKED.name])
def test_a_time_to_live_for_every_name_that_comes_meanwhile(
    step: str, kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ spares what is in the holding queues by then."""
    interrupted(live, tmp_path, monkeypatch, step)
    limited_by(live, SOON, pattern=".*", kind=kind)
    assert statuses(apply(live, tmp_path)) <= {Status.HELD_BACK, Status.FAILED}
    without_policy(live, kind)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))


@pytest.mark.parametrize("kind", KINDS)
def test_an_end_for_every_name_that_comes_meanwhile(
    kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ would delete what holds the messages, from which nobody consumes: better the new queue has them."""
    interrupted(live, tmp_path, monkeypatch, Step.DECLARE_NEW.name)
    limited_by(live, {"expires": HOUR}, pattern=".*", kind=kind)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))
