"""A queue with a limit in bytes is given no more than it keeps, in whatever way its type counts them."""

from pathlib import Path

import pytest

from proca_topo.apply.replacing import room
from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Status
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.work_queue import KINDS, apply, limited_by, publish, queues, statuses, taken, write
from tests.live import Live
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_in_bytes_that_a_policy_gives_to_the_new_name(kind: str, live: Live, tmp_path: Path) -> None:
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(20))
    limited_by(live, {"max-length-bytes": 29}, pattern="^job$", kind=kind)
    write(tmp_path, ", renamed_from: work", name="job")
    [reason] = {result.reason for result in apply(live, tmp_path).results}
    assert (reason or "").startswith("30 bytes in it are more than the max-length-bytes 29 allows")
    limited_by(live, {"max-length-bytes": 30}, pattern="^job$", kind=kind)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live, "job") == list(range(20))


@pytest.mark.parametrize("queue", [", type: classic", ", type: quorum"])
@pytest.mark.parametrize("step", [Step.BIND_ARRIVING.name, Step.DECLARE_NEW.name])
def test_bytes_that_come_before_the_new_queue_is_there_count(
    step: str, queue: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, queue)
    apply(live, tmp_path)
    write(tmp_path, f"{queue}, arguments: {{x-max-length-bytes: 20}}")
    with killed_at(monkeypatch, step):
        apply(live, tmp_path)
    publish(live, range(20))
    [result] = apply(live, tmp_path).results
    assert result.status is Status.HELD_BACK
    assert "max-length-bytes" in (result.reason or "")
    assert "x-max-length-bytes" not in queues(live)["work"]
    assert set(queues(live)) == {"work"}
    assert taken(live) == list(range(20))


@pytest.mark.parametrize(("queue", "limit"), [("classic", 6), ("quorum", 16)])
def test_a_new_queue_with_a_limit_in_bytes_gets_no_more_than_it_keeps(
    queue: str, limit: int, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits in a classic queue of the new name is measured, in a quorum queue it has to be consumed first.

    RabbitMQ 4.3 counts the properties in a quorum queue: three bytes, besides one of the body.
    """
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(4))
    write(tmp_path, f", type: {queue}, arguments: {{x-max-length-bytes: {limit}}}")
    with killed_at(monkeypatch, Step.CATCH_UP.name):
        apply(live, tmp_path)
    publish(live, range(4, 8))
    is_quorum = queue == "quorum"
    [result] = apply(live, tmp_path).results
    assert result.status is Status.FAILED
    assert ("cannot be measured without a risk" if is_quorum else "2 messages still held") in (result.reason or "")
    seen = taken(live)
    assert seen == list(range(4 if is_quorum else 6))
    # RabbitMQ counts a quorum queue up to 5 s late.
    wait_until(lambda: statuses(apply(live, tmp_path)) == {Status.APPLIED}, "it has room", seconds=60)
    assert seen + taken(live) == list(range(8))
    assert queues(live)["work"]["x-max-length-bytes"] == limit


def test_the_properties_count_in_a_quorum_queue(live: Live, tmp_path: Path) -> None:
    """On RabbitMQ 4.3, and to be safe on all."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(4))
    write(tmp_path, ", type: quorum, arguments: {x-max-length-bytes: 15}")
    [result] = apply(live, tmp_path).results
    assert result.reason == "16 bytes in it are more than the max-length-bytes 15 allows: let it drain first"
    assert taken(live) == list(range(4))


def test_bytes_that_arrive_while_it_fits_come_along(live: Live, tmp_path: Path) -> None:
    """Nothing is measured twice that this run has moved itself."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(50))
    write(tmp_path, ", type: quorum, arguments: {x-max-length-bytes: 1000}")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(50))


def test_bytes_that_come_to_a_queue_that_is_there_are_counted_once(live: Live, tmp_path: Path) -> None:
    """However often it is looked whether there is room for them."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(6))
    with live.channel() as channel:
        channel.queue_declare("job", durable=True, arguments={"x-max-length-bytes": 8})
    write(tmp_path, ", renamed_from: work, arguments: {x-max-length-bytes: 8}", name="job")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live, "job") == list(range(6))


def test_a_limit_in_bytes_that_stays_as_it_is_keeps_no_quorum_queue_from_being_replaced(
    live: Live, tmp_path: Path
) -> None:
    write(tmp_path, ", type: quorum")
    limited_by(live, {"max-length-bytes": 1_000_000}, pattern="^work$")
    apply(live, tmp_path)
    publish(live, range(3))
    write(tmp_path, ", type: quorum, arguments: {x-delivery-limit: 50}")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(3))
    assert queues(live)["work"] == {"x-delivery-limit": 50}


def test_a_quorum_queue_keeps_what_it_had_within_the_same_limit_in_bytes(live: Live, tmp_path: Path) -> None:
    """We measure more than RabbitMQ 3.10 and 4.0 count; what fitted before fits again."""
    limit = "x-max-length-bytes: 15"
    write(tmp_path, f", type: quorum, arguments: {{{limit}}}")
    apply(live, tmp_path)
    publish(live, range(4))
    write(tmp_path, f", type: quorum, arguments: {{{limit}, x-delivery-limit: 50}}")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(
        range(1 if (live.broker.read(live.vhost).broker.version or "").startswith("4.3") else 0, 4)
    )


def test_what_rabbitmq_counts_late_is_not_counted_twice(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Just after they were moved the messages of a quorum queue seem to be in both queues."""
    # A busy RabbitMQ counts later than usual.
    monkeypatch.setattr(room, "QUORUM_SETTLE_SECONDS", 20)
    write(tmp_path, ", type: quorum")
    apply(live, tmp_path)
    publish(live, range(3))
    write(tmp_path, ", type: quorum, arguments: {x-max-length: 10}")
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    publish(live, range(3, 9))
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(9))
    assert queues(live)["work"] == {"x-max-length": 10}
