"""What is held goes into no queue that would not keep it, however the spec or the broker has changed meanwhile."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Status
from proca_topo.plan.changes import Replacing
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.work_queue import KINDS, apply, limited_by, publish, queues, statuses, taken, write
from tests.live import Live

pytestmark = pytest.mark.broker


TOO_SMALL: Final = {
    "a limit": ", arguments: {x-max-length: 5}",
    "an end": ", expires: 1s",
    "a stream": ", type: stream",
}


@pytest.mark.parametrize("name", TOO_SMALL)
@pytest.mark.parametrize("step", ["PARK", "DECLARE_NEW", "RETURN_PARKED", "RETURN_ARRIVED"])
def test_a_spec_that_has_changed_meanwhile_costs_nothing(
    name: str, step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun is finished, and the change is held back."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(20))
    write(tmp_path, ", arguments: {x-max-priority: 5}")
    with killed_at(monkeypatch, step):
        apply(live, tmp_path)
    publish(live, range(20, 30))
    write(tmp_path, TOO_SMALL[name])
    assert statuses(apply(live, tmp_path, Replacing.FINISHING)) == {Status.APPLIED}
    [result] = apply(live, tmp_path).results
    assert result.status is Status.HELD_BACK
    is_new = step.startswith("RETURN")
    assert queues(live) == {"work": {"x-max-priority": 5} if is_new else {}}
    assert list(dict.fromkeys(taken(live))) == list(range(30))


def test_what_arrives_before_the_new_queue_is_there_may_be_too_much_for_it(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spec is the same as ever: the queue is put together as it was."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(5))
    write(tmp_path, ", arguments: {x-max-length: 10}")
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    publish(live, range(5, 15))
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {}}
    [result] = apply(live, tmp_path).results
    assert result.reason == ("15 messages in it are more than the max-length 10 allows: let it drain first")
    assert taken(live) == list(range(15))


def test_a_new_queue_that_is_there_gets_no_more_than_it_keeps(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each apply moves as much as its consumers have made room for."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(5))
    write(tmp_path, ", arguments: {x-max-length: 10}")
    with killed_at(monkeypatch, Step.RETURN_PARKED.name):
        apply(live, tmp_path)
    publish(live, range(5, 25))
    seen: list[int] = []
    for held in (15, 5):
        [result] = apply(live, tmp_path).results
        assert result.status is Status.FAILED
        assert f"work keeps no more, with {held} messages still held for it: let its consumers make room" in (
            result.reason or ""
        )
        seen += taken(live)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert seen + taken(live) == list(range(25))
    assert queues(live) == {"work": {"x-max-length": 10}}


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_that_came_meanwhile_limits_the_new_queue(
    kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(20))
    write(tmp_path, ", type: quorum")
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    limited_by(live, {"max-length": 5}, pattern="^work$", kind=kind)
    report = apply(live, tmp_path, Replacing.FINISHING)
    [result] = report.results
    assert (result.status, "its limits" in (result.reason or "")) in {
        (Status.HELD_BACK, True),
        (Status.FAILED, True),
    }
    live.http.delete(f"/api/{kind}/{live.path}/theirs").raise_for_status()
    assert statuses(apply(live, tmp_path, Replacing.FINISHING)) == {Status.APPLIED}
    assert taken(live) == list(range(20))


def test_a_rename_onto_a_queue_that_is_there_adds_to_what_is_in_it(live: Live, tmp_path: Path) -> None:
    """Only if it is as the spec wants it, and has room for all."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(20))
    with live.channel() as channel:
        channel.queue_declare("job", durable=True, arguments={"x-max-length": 25})
    live.fill("job", 10)
    renamed = ", renamed_from: work"
    write(tmp_path, renamed, name="job")
    [reason] = {result.reason for result in apply(live, tmp_path).results}
    assert (reason or "").startswith("job is there already and is not as the spec wants it")
    write(tmp_path, f"{renamed}, arguments: {{x-max-length: 25}}", name="job")
    [reason] = {result.reason for result in apply(live, tmp_path).results}
    assert (reason or "").startswith("30 messages in it are more than the max-length 25 allows")
    assert taken(live, "job", at_most=5) == list(range(5))
    [reason] = {result.reason for result in apply(live, tmp_path).results}
    assert (reason or "").startswith("it is full, with 25 messages and the max-length 25")
    assert taken(live, "job", at_most=1) == [5]
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live, "job") == [*range(6, 10), *range(20)]


@pytest.mark.parametrize("step", [Step.UNBIND_OLD.name, Step.DECLARE_NEW.name])
def test_a_queue_of_the_new_name_that_a_client_declares_meanwhile(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(20))
    write(tmp_path, ", renamed_from: work", name="job")
    with killed_at(monkeypatch, step):
        apply(live, tmp_path)
    with live.channel() as channel:
        channel.queue_declare("job", durable=True, arguments={"x-max-length": 12})
    seen: list[int] = []
    if step == Step.UNBIND_OLD.name:
        assert Status.HELD_BACK in statuses(apply(live, tmp_path))
        assert set(queues(live)) >= {"work", "job"}
        with live.channel() as channel:
            channel.queue_delete("job", if_empty=True)
    else:
        assert Status.FAILED in statuses(apply(live, tmp_path))
        seen += taken(live, "job")
        assert len(seen) == 12
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"job": {}}
    assert seen + taken(live, "job") == list(range(20))


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_an_empty_queue_that_expires_gets_another_time(kind: str, live: Live, tmp_path: Path) -> None:
    """Nothing is held for it that could be lost, whoever consumes or does not."""
    write(tmp_path, f", type: {kind}, expires: 1h")
    apply(live, tmp_path)
    write(tmp_path, f", type: {kind}, expires: 2h")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {"x-expires": 7_200_000}}


def test_what_arrives_for_a_queue_that_expires_later_than_before_comes_along(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ", expires: 1h")
    apply(live, tmp_path)
    write(tmp_path, ", expires: 2h")
    with killed_at(monkeypatch, Step.PARK.name):
        apply(live, tmp_path)
    publish(live, range(5))
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {"x-expires": 7_200_000}}
    assert taken(live) == list(range(5))
