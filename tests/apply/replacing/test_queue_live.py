"""A queue is replaced on a real broker: its messages, bindings and whoever uses it, before, while and after."""

from pathlib import Path
from typing import Any, Final

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.apply.replacing import boundary
from proca_topo.apply.replacing.steps import PROTOCOL, Step
from proca_topo.apply.report import Report, Status
from proca_topo.apply.watch import StopRequestedError
from proca_topo.errors import BrokerError
from proca_topo.plan.changes import Replacing
from proca_topo.render.report_text import outcome
from proca_topo.topology.holding import Holding
from tests.apply.replacing.killing import killed_at
from tests.live import Live, desired_in
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

BEGUN: Final = "begun and interrupted"
# There is nothing to bind besides where the spec's bindings are those of the old queue.
STEPS: Final = [rule.step.name for rule in PROTOCOL if rule.step is not Step.BIND_WANTED] + ["done"]


def write(folder: Path, queue: str, *, name: str = "work", more: str = "") -> None:
    """A queue behind a topic and a headers exchange."""
    bindings = (
        "{exchange: in, key: 'a.#'}, {exchange: in, key: b}, {exchange: heads, arguments: {x-match: all, n: 1}}"
    )
    (folder / "topology.yaml").write_text(
        "topology: 1\n"
        "owns: [in, heads, work, labour, dead]\n"
        "ignore: [{exchange: theirs, key: k}]\n"
        "exchanges: {in: {type: topic}, heads: {type: headers}, dead: {type: fanout}}\n"
        f"queues:\n  {name}: {{bindings: [{bindings}]{queue}}}\n{more}"
    )


def publish(channel: BlockingChannel, number: int, **properties: Any) -> None:
    channel.basic_publish(
        "in",
        "a.b.c",
        str(number).encode(),
        pika.BasicProperties(delivery_mode=2, **properties),
        mandatory=True,
    )


def waiting(live: Live, queue: str = "work") -> list[int]:
    """The numbers of the messages that wait, in their order; they are taken out."""
    with live.channel() as channel:
        found = []
        while (taken := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(int(taken[2]))
        return found


def our_own(live: Live) -> list[str]:
    there = live.definitions()
    names = [one["name"] for kind in ("queues", "exchanges") for one in there[kind]]
    return [name for name in names if name.startswith("proca-topo.")]


def replaced(live: Live, folder: Path, how: Replacing = Replacing.IDLE) -> Report:
    report = live.apply(desired_in(folder), replacing=how)
    assert report.after is not None
    return report


CHANGES: Final = {
    "arguments": ("", ", arguments: {x-max-priority: 5}"),
    "classic to quorum": ("", ", type: quorum"),
    "quorum to classic": (", type: quorum", ", type: classic"),
    "ttl from argument to none": (", ttl: 10m", ""),
    "single active consumer": (", single-active-consumer: true", ""),
    "longer than it needs": ("", ", arguments: {x-max-length: 100000}"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_waits_and_who_is_bound_stay_as_they_are(name: str, live: Live, tmp_path: Path) -> None:
    """Another team's binding too; and nothing of ours is left behind."""
    before, after = CHANGES[name]
    write(tmp_path, before)
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
            publish(
                channel, number, headers={"n": number}, priority=3, expiration="3600000", message_id=str(number)
            )
    write(tmp_path, after)
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
            properties.headers.pop(
                "x-delivery-count", None
            )  # a quorum queue's own, for those who ask for a message
            assert (body, method.routing_key) == (str(number).encode(), "a.b.c")
            assert properties == pika.BasicProperties(
                delivery_mode=2,
                headers={"n": number},
                priority=3,
                expiration="3600000",
                message_id=str(number),
            )


def test_a_replacement_that_stops_on_its_way_has_failed(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the new queue is there: its holding queue has messages, and the reason says how to go on."""
    write(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as channel:
        publish(channel, 1)
    write(tmp_path, ", arguments: {x-max-priority: 5}")

    def reached(step: str) -> None:
        if step == Step.RETURN_PARKED.name:
            raise BrokerError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(boundary, "reached", reached)
        (result,) = replaced(live, tmp_path).results
    assert (result.status, result.reason) == (
        Status.FAILED,
        (
            "the disk is full (nothing is lost: the next apply goes on from here); "
            f"{BEGUN}: 1 message in its holding queues, where nobody gets them; apply finishes it"
        ),
    )
    assert [result.status for result in replaced(live, tmp_path, Replacing.FINISHING).results] == [Status.APPLIED]
    assert waiting(live) == [1]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("meanwhile", ["same", "another", "as it was", "dropped"])
def test_an_interrupted_replacement_is_finished_by_the_next_apply(
    step: str, meanwhile: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From any step, and whatever the spec says by then; the plan shows it, and what it holds."""
    write(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as channel:
        for number in range(50):
            publish(channel, number)
        write(tmp_path, ", arguments: {x-max-priority: 5}")
        with killed_at(monkeypatch, step):
            replaced(live, tmp_path)
        for number in range(50, 60):
            publish(channel, number)
    match meanwhile:
        case "another":
            write(tmp_path, ", arguments: {x-max-priority: 7}")
        case "as it was":
            write(tmp_path, "")
        case "dropped":
            write(tmp_path, "", name="labour")
    how = Replacing.IDLE if meanwhile == "another" else Replacing.FINISHING
    if step == STEPS[0]:
        how = Replacing.IDLE  # nothing was begun
    report = replaced(live, tmp_path, how)
    assert not {Status.FAILED, Status.NOT_TRIED} & {result.status for result in report.results}, report.results
    assert our_own(live) == []
    seen = list(dict.fromkeys(waiting(live)))
    assert seen == list(range(60))
    report = replaced(live, tmp_path, how)
    assert report.after is not None
    assert report.after.to_do == ()


@pytest.mark.parametrize("step", STEPS[1:-1])
def test_an_interruption_tells_where_the_messages_are(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are not where they were, so that nobody reads that nothing has happened."""
    write(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as channel:
        for number in range(3):
            publish(channel, number)
    write(tmp_path, ", arguments: {x-max-priority: 5}")

    def reached(name: str) -> None:
        if name == step:
            raise StopRequestedError

    with monkeypatch.context() as patch:
        patch.setattr(boundary, "reached", reached)
        report = replaced(live, tmp_path)
    [result] = report.results
    assert report.interrupted
    assert result.status is Status.FAILED
    assert (result.reason or "").startswith(BEGUN)
    assert outcome(report).startswith("Nothing was finished. Interrupted; ")


def test_a_rename_takes_messages_and_bindings_along(live: Live, tmp_path: Path) -> None:
    write(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as channel:
        for number in range(100):
            publish(channel, number)
    desired = desired_in(tmp_path)
    write(tmp_path, ", renamed_from: work", name="labour")
    desired = desired_in(tmp_path)
    held = live.apply(desired)
    assert {result.status for result in held.results} == {Status.HELD_BACK}
    report = replaced(live, tmp_path)
    assert {result.status for result in report.results} == {Status.APPLIED}
    assert report.after is not None
    assert report.after.to_do == ()
    assert [queue["name"] for queue in live.definitions()["queues"]] == ["labour"]
    assert waiting(live, "labour") == list(range(100))


def test_a_queue_with_consumers_is_left_alone_unless_they_may_be_disconnected(live: Live, tmp_path: Path) -> None:
    write(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as consumer, live.channel() as channel:
        for number in range(10):
            publish(channel, number)
        consumer.basic_qos(prefetch_count=3)
        consumer.basic_consume("work", lambda *_: None)
        consumer.connection.process_data_events(0.5)
        write(tmp_path, ", arguments: {x-max-priority: 5}")
        [result] = replaced(live, tmp_path).results
        assert result.status is Status.HELD_BACK
        assert result.reason == "1 consumer is on work: stop them, or let --disconnect-consumers do it"
        report = replaced(live, tmp_path, Replacing.DISCONNECTING)
        assert [result.status for result in report.results] == [Status.APPLIED]
        with pytest.raises(pika.exceptions.AMQPError):
            # Each returns as soon as anything has come, the last deliveries too.
            wait_until(lambda: consumer.connection.process_data_events(1), "it is told", seconds=60)
    assert waiting(live) == list(range(10))


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
    write(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as channel:
        for number in range(10):
            publish(channel, number)
    if "policy" in name:
        policy = {"pattern": "^proca-topo", "definition": {"max-length": 5}, "apply-to": "all"}
        live.http.put(f"/api/policies/{live.path}/theirs", json=policy).raise_for_status()
    before = live.definitions()
    queue, reason = HINDERED[name]
    write(tmp_path, queue)
    [result] = replaced(live, tmp_path).results
    assert result.status is Status.HELD_BACK
    assert result.reason is not None
    assert reason in result.reason
    assert live.definitions() == before
    assert waiting(live) == list(range(10))


@pytest.mark.parametrize("left", [{"x-max-priority": 3}, {"x-queue-type": "quorum"}])
def test_a_trial_that_a_killed_run_has_left_is_not_in_the_way(
    left: dict[str, Any], live: Live, tmp_path: Path
) -> None:
    """Though the spec has changed since."""
    write(tmp_path, "")
    live.apply(desired_in(tmp_path))
    with live.channel() as channel:
        channel.queue_declare(Holding.of("work").trial, durable=True, arguments=left)
    write(tmp_path, ", arguments: {x-max-priority: 5}")
    assert [result.status for result in replaced(live, tmp_path).results] == [Status.APPLIED]
    assert our_own(live) == []


def test_names_that_are_too_long_for_a_prefix_stay_apart() -> None:
    one, other = Holding.of("q" * 255), Holding.of("q" * 254 + "r")
    assert one.parked != other.parked
    assert max(len(name) for name in (one.parked, one.arriving, one.back, one.trial)) <= 255
