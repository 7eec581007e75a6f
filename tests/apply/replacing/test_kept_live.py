"""What is held goes into no queue that would not keep it, however the spec or the broker has changed meanwhile."""

from pathlib import Path
from typing import Final

import pika
import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Replacing
from tests.apply.replacing.killing import killed_at
from tests.live import Live, desired_in
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


def write(folder: Path, more: str, *, name: str = "work") -> None:
    (folder / "topology.yaml").write_text(
        "topology: 1\nowns: [in, work, job]\nexchanges: {in: {type: topic}}\n"
        f"queues: {{{name}: {{bindings: [{{exchange: in, key: '#'}}]{more}}}}}\n"
    )


def publish(live: Live, numbers: range) -> None:
    with live.channel() as channel:
        for number in numbers:
            persistent = pika.BasicProperties(delivery_mode=2)
            channel.basic_publish("in", "a", str(number).encode(), persistent, mandatory=True)


def taken(live: Live, queue: str = "work", at_most: int = 1000) -> list[int]:
    """The numbers of the messages that wait, in their order; they are taken out."""
    found: list[int] = []
    with live.channel() as channel:
        while len(found) < at_most and (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(int(got[2]))
    return found


def apply(live: Live, folder: Path, how: Replacing = Replacing.IDLE) -> Report:
    return live.apply(desired_in(folder), replacing=how)


def statuses(report: Report) -> set[Status]:
    return {result.status for result in report.results}


def queues(live: Live) -> dict[str, dict[str, object]]:
    """The queues with their arguments; their type, of which only RabbitMQ 4.x tells always, left out."""
    found = {queue["name"]: queue["arguments"] for queue in live.definitions()["queues"]}
    return {name: {k: v for k, v in table.items() if k != "x-queue-type"} for name, table in found.items()}


def limited_by(live: Live, definition: dict[str, int], *, pattern: str, kind: str = "policies") -> None:
    policy = {"pattern": pattern, "definition": definition, "apply-to": "queues"}
    live.http.put(f"/api/{kind}/{live.path}/theirs", json=policy).raise_for_status()


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
        assert f"work keeps no more, and {held} messages are still held for it: let its consumers make room" in (
            result.reason or ""
        )
        seen += taken(live)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert seen + taken(live) == list(range(25))
    assert queues(live) == {"work": {"x-max-length": 10}}


KINDS: Final = ["policies", "operator-policies"]


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
    assert ("cannot be measured without a risk" if is_quorum else "2 messages are still held") in (
        result.reason or ""
    )
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


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_an_empty_queue_that_expires_gets_another_time(kind: str, live: Live, tmp_path: Path) -> None:
    """Nothing is held for it that could be lost, whoever consumes or does not."""
    write(tmp_path, f", type: {kind}, expires: 1m")
    apply(live, tmp_path)
    write(tmp_path, f", type: {kind}, expires: 2m")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {"x-expires": 120_000}}


def test_what_arrives_for_a_queue_that_expires_later_than_before_comes_along(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, ", expires: 1m")
    apply(live, tmp_path)
    write(tmp_path, ", expires: 2m")
    with killed_at(monkeypatch, Step.PARK.name):
        apply(live, tmp_path)
    publish(live, range(5))
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {"x-expires": 120_000}}
    assert taken(live) == list(range(5))


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
