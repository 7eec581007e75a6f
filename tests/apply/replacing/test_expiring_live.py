"""What waits without a time to live is not moved to where it soon expires, and is dropped."""

from pathlib import Path

import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Status
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.work_queue import KINDS, apply, limited_by, publish, queues, statuses, taken, write
from tests.live import Live
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_for_the_new_name(kind: str, live: Live, tmp_path: Path) -> None:
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(5))
    limited_by(live, {"message-ttl": 100}, pattern="^job$", kind=kind)
    before = live.definitions()
    write(tmp_path, ", renamed_from: work", name="job")
    [result, *_] = apply(live, tmp_path).results
    assert result.status is Status.HELD_BACK
    assert (result.reason or "").startswith("the message-ttl 100 would drop 5 messages in it")
    assert live.definitions() == before
    assert taken(live) == list(range(5))


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_that_came_after_the_messages(kind: str, queue_type: str, live: Live, tmp_path: Path) -> None:
    """RabbitMQ spares what was there before it; what is moved would have come after it."""
    write(tmp_path, f", type: {queue_type}")
    apply(live, tmp_path)
    publish(live, range(5))
    limited_by(live, {"message-ttl": 100}, pattern="^work$", kind=kind)
    write(tmp_path, f", type: {queue_type}, max-length: 500")
    [result] = apply(live, tmp_path).results
    assert result.status is Status.HELD_BACK
    assert (result.reason or "").startswith("the message-ttl 100 would drop 5 messages in it")
    assert taken(live) == list(range(5))
    wait_until(lambda: statuses(apply(live, tmp_path)) == {Status.APPLIED}, "nothing waits in it", seconds=60)
    publish(live, range(1))
    wait_until(lambda: live.ready("work") == 0, "what comes to the new one expires", seconds=60)


@pytest.mark.parametrize("kind", KINDS)
def test_a_policy_that_was_there_before_the_messages(
    kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They came when the replacement had begun, which is finished: nothing in it has waited without that limit."""
    write(tmp_path, "")
    apply(live, tmp_path)
    limits = {"message-ttl": 3600000, "max-length-bytes": 5, "expires": 3600000}
    limited_by(live, limits, pattern="^work$", kind=kind)
    write(tmp_path, ", arguments: {x-max-priority: 5}")
    with killed_at(monkeypatch, Step.BIND_ARRIVING.name):
        apply(live, tmp_path)
    publish(live, range(5))
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {"x-max-priority": 5}}
    assert taken(live) == list(range(5))


def test_a_spec_that_wants_it_by_the_time_it_is_finished(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The queue is put together as it was; what has only arrived meanwhile would have come to the new one."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(5))
    write(tmp_path, ", arguments: {x-max-priority: 5}")
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    write(tmp_path, ", ttl: 100")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {}}
    [result] = apply(live, tmp_path).results
    assert (result.reason or "").startswith("the message-ttl 100 would drop 5 messages in it")
    assert taken(live) == list(range(5))
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {"x-message-ttl": 100}}
