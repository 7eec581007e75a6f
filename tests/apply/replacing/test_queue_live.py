"""A queue is replaced on a real broker: its messages, bindings and whoever uses it, before, while and after."""

from pathlib import Path
from typing import Final

import pika
import pytest

from proca_topo.apply.report import Status
from proca_topo.plan.changes import Replacing
from proca_topo.topology.holding import Holding
from tests.apply.replacing.afterwards import our_own, replaced
from tests.apply.replacing.work_queue import limited_by, publish, taken, write_richly_bound
from tests.live import Live, desired_in
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


CHANGES: Final = {
    "arguments": ("", ", arguments: {x-max-priority: 5}"),
    "classic to quorum": ("", ", type: quorum"),
    "quorum to classic": (", type: quorum", ", type: classic"),
    "ttl from argument to none": (", ttl: 10m", ""),
    "single active consumer": (", single-active-consumer: true", ""),
    "longer than it needs": ("", ", arguments: {x-max-length: 100000}"),
}


def properties_of(number: int) -> pika.BasicProperties:
    return pika.BasicProperties(
        delivery_mode=2, headers={"n": number}, priority=3, expiration="3600000", message_id=str(number)
    )


@pytest.mark.parametrize("name", CHANGES)
def test_what_waits_and_who_is_bound_stay_as_they_are(name: str, live: Live, tmp_path: Path) -> None:
    """Another team's binding too; and nothing of ours is left behind."""
    before, after = CHANGES[name]
    write_richly_bound(tmp_path, before)
    live.apply(desired_in(tmp_path))
    live.load(
        {
            "exchanges": [
                {"name": "theirs", "type": "headers", "durable": True, "auto_delete": False, "arguments": {}}
            ],
            "bindings": [
                {
                    "source": "theirs",
                    "destination": "work",
                    "destination_type": "queue",
                    "routing_key": "k",
                    "arguments": {"x-match": "any", "kind": "x", "number": 7},
                }
            ],
        }
    )
    bindings = live.definitions()["bindings"]
    with live.channel() as channel:
        for number in range(500):
            channel.basic_publish("in", "a.b.c", str(number).encode(), properties_of(number), mandatory=True)
    write_richly_bound(tmp_path, after)
    report = replaced(live, tmp_path)
    assert [result.status for result in report.results] == [Status.APPLIED]
    assert report.after is not None
    assert report.after.changes == ()
    assert live.definitions()["bindings"] == bindings
    assert our_own(live) == []
    with live.channel() as channel:
        for number in range(500):
            method, properties, body = channel.basic_get("work", auto_ack=True)
            assert method is not None
            assert properties is not None
            # A quorum queue's own, for those who ask for a message.
            properties.headers.pop("x-delivery-count", None)
            assert (body, method.routing_key) == (str(number).encode(), "a.b.c")
            assert properties == properties_of(number)


def test_a_rename_takes_messages_and_bindings_along(live: Live, tmp_path: Path) -> None:
    write_richly_bound(tmp_path, "")
    live.apply(desired_in(tmp_path))
    publish(live, range(100))
    write_richly_bound(tmp_path, ", renamed_from: work", name="job")
    held = live.apply(desired_in(tmp_path))
    assert {result.status for result in held.results} == {Status.HELD_BACK}
    report = replaced(live, tmp_path)
    assert {result.status for result in report.results} == {Status.APPLIED}
    assert report.after is not None
    assert report.after.to_do == ()
    assert [queue["name"] for queue in live.definitions()["queues"]] == ["job"]
    assert taken(live, "job") == list(range(100))


def test_a_queue_with_consumers_is_left_alone_unless_they_may_be_disconnected(live: Live, tmp_path: Path) -> None:
    write_richly_bound(tmp_path, "")
    live.apply(desired_in(tmp_path))
    publish(live, range(10))
    with live.channel() as consumer:
        consumer.basic_qos(prefetch_count=3)
        consumer.basic_consume("work", lambda *_: None)
        consumer.connection.process_data_events(0.5)
        write_richly_bound(tmp_path, ", arguments: {x-max-priority: 5}")
        [result] = replaced(live, tmp_path).results
        assert result.status is Status.HELD_BACK
        assert result.reason == "1 consumer is on work: stop them, or let --disconnect-consumers do it"
        report = replaced(live, tmp_path, Replacing.DISCONNECTING)
        assert [result.status for result in report.results] == [Status.APPLIED]
        with pytest.raises(pika.exceptions.AMQPError):
            # Each returns as soon as anything has come, the last deliveries too.
            wait_until(lambda: consumer.connection.process_data_events(1), "it is told", seconds=60)
    assert taken(live) == list(range(10))


HINDERED: Final = {
    "arguments that do not go together": (
        ", type: quorum, arguments: {x-max-priority: 5}",
        "the new queue could not be declared anew",
    ),
    "a limit that is too small": (
        ", arguments: {x-max-length: 3}",
        "more than the max-length 3 allows",
    ),
    "a limit in bytes that is too small": (
        ", arguments: {x-max-length-bytes: 3}",
        "more than the max-length-bytes 3 allows",
    ),
    "a stream": (", type: stream", "what is in a stream cannot be moved"),
    "a policy that would drop what is held": (
        ", arguments: {x-max-priority: 5}",
        "the policy theirs would give max-length",
    ),
}


@pytest.mark.parametrize("name", HINDERED)
def test_what_stands_in_the_way_is_told_before_anything_is_changed(name: str, live: Live, tmp_path: Path) -> None:
    write_richly_bound(tmp_path, "")
    live.apply(desired_in(tmp_path))
    publish(live, range(10))
    if "policy" in name:
        limited_by(live, {"max-length": 5}, pattern="^proca-topo")
    before = live.definitions()
    queue, reason = HINDERED[name]
    write_richly_bound(tmp_path, queue)
    [result] = replaced(live, tmp_path).results
    assert result.status is Status.HELD_BACK
    assert result.reason is not None
    assert reason in result.reason
    assert live.definitions() == before
    assert taken(live) == list(range(10))


def test_names_that_are_too_long_for_a_prefix_stay_apart() -> None:
    one, other = Holding.of("q" * 255), Holding.of("q" * 254 + "r")
    assert one.parked != other.parked
    assert max(len(name) for name in (one.parked, one.arriving, one.back, one.trial)) <= 255
