"""What is held is not lost to a policy that comes while its replacement is interrupted."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest

from proca_topo.apply.replacing import boundary
from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Status
from proca_topo.topology import holding
from tests.apply.replacing.afterwards import our_own
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.limited import HOUR, NEW, SOON, interrupted, why_held_back, without_policy
from tests.apply.replacing.work_queue import KINDS, apply, limited_by, publish, queues, statuses, taken, write
from tests.live import Live
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("step", ["DECLARE_ARRIVING", "PARK", "DECLARE_NEW", "RETURN_PARKED", "CATCH_UP"])
@pytest.mark.parametrize(("kind", "quorum"), [*product(KINDS, [False, True])])
def test_a_time_to_live_that_comes_meanwhile(
    step: str, kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, quorum: bool
) -> None:
    """RabbitMQ spares what was there before it. That waits until the policy is gone, and so does what comes."""
    interrupted(live, tmp_path, monkeypatch, step, quorum=quorum)
    publish(live, range(5, 8))
    limited_by(live, SOON, pattern="^work$", kind=kind)
    count = 8
    if step != "DECLARE_ARRIVING":  # from then on nothing comes to the old queue
        publish(live, range(8, count := 10))
    for _ in range(2):
        reason = why_held_back(apply(live, tmp_path))
        called = "policy" if kind == "policies" else "operator policy"
        assert "the message-ttl 100 would drop" in reason
        assert reason.endswith(
            f"take the message-ttl out of the {called} theirs, or give the queue a dead-letter exchange, and apply"
            " again"
        )
    without_policy(live, kind)
    # RabbitMQ counts a quorum queue up to 5 s late.
    wait_until(lambda: statuses(apply(live, tmp_path)) <= {Status.APPLIED}, "it is finished", seconds=60)
    assert our_own(live) == []
    assert taken(live) == list(range(count))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [Step.PARK.name, Step.DECLARE_NEW.name, Step.RETURN_PARKED.name])
def test_a_time_to_live_that_comes_between_two_steps(
    step: str, kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any interruption: it is looked at whenever messages are about to be moved back."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(5))
    write(tmp_path, NEW)

    def reached(name: str) -> None:
        if name == step:
            limited_by(live, SOON, pattern="^work$", kind=kind)

    with monkeypatch.context() as patch:
        patch.setattr(boundary, "reached", reached)
        [result] = apply(live, tmp_path).results
    assert result.status is Status.FAILED
    assert "the message-ttl 100 would drop 5 messages held for it" in (result.reason or "")
    without_policy(live, kind)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))


@pytest.mark.parametrize("step", [Step.PARK.name, Step.DECLARE_NEW.name, Step.RETURN_PARKED.name])
def test_a_replacement_that_an_older_version_has_begun(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It noted nothing of what was in force: what it holds is spared."""
    with monkeypatch.context() as patch:
        patch.setattr(holding, "_IN_FORCE", "x-unheard-of")
        interrupted(live, tmp_path, monkeypatch, step)
    limited_by(live, SOON, pattern="^work$")
    assert "would drop 5 messages" in why_held_back(apply(live, tmp_path))
    without_policy(live)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))


def test_a_dead_letter_exchange_lets_it_through(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is held expires, and is where expired messages go."""
    interrupted(live, tmp_path, monkeypatch, Step.DECLARE_NEW.name)
    with live.channel() as channel:
        channel.queue_declare("dead", durable=True)
    limited_by(live, SOON, pattern="^work$")
    assert "would drop 5 messages" in why_held_back(apply(live, tmp_path))
    taken_on: dict[str, Any] = {**SOON, "dead-letter-exchange": "", "dead-letter-routing-key": "dead"}
    limited_by(live, taken_on, pattern="^work$")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    wait_until(lambda: live.ready("dead") == 5, "all have expired", seconds=60)
    assert taken(live, "dead") == list(range(5))


@pytest.mark.parametrize("at_first", [{"message-ttl": HOUR}, {"message-ttl": 200, "dead-letter-exchange": "in"}])
def test_a_time_to_live_that_drops_sooner_than_the_one_of_the_beginning(
    at_first: dict[str, Any], live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends sooner, and one that has lost its dead-letter exchange."""
    write(tmp_path, "")
    apply(live, tmp_path)
    limited_by(live, at_first, pattern="^work$")
    write(tmp_path, NEW)
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    publish(live, range(5))
    limited_by(live, {"message-ttl": 200}, pattern="^work$")
    assert "the message-ttl 200 would drop 5 messages" in why_held_back(apply(live, tmp_path))
    limited_by(live, {"message-ttl": HOUR}, pattern="^work$")
    if "dead-letter-exchange" in at_first:
        without_policy(live)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))


def test_a_time_to_live_of_the_beginning_that_is_gone(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "")
    apply(live, tmp_path)
    limited_by(live, {"message-ttl": HOUR}, pattern="^work$")
    write(tmp_path, NEW)
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    publish(live, range(5))
    without_policy(live)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))


def test_a_time_to_live_that_what_waited_was_spared_by_counts_for_the_new_name(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was in force on the old queue, and had come after the messages."""
    write(tmp_path, "")
    apply(live, tmp_path)
    publish(live, range(5))
    limited_by(live, SOON, pattern="^work$")
    write(tmp_path, ", renamed_from: work", name="job")
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    limited_by(live, SOON, pattern="^(work|job)$")
    assert "would drop 5 messages" in why_held_back(apply(live, tmp_path))
    without_policy(live)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live, "job") == list(range(5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [{"expires": HOUR}, {"max-length-bytes": 3}, {"max-length": 3}])
def test_another_limit_that_comes_meanwhile(
    limit: dict[str, int], kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(live, tmp_path, monkeypatch, Step.DECLARE_NEW.name)
    limited_by(live, limit, pattern="^work$", kind=kind)
    called = "policy" if kind == "policies" else "operator policy"
    assert f"raise its limits in the spec or in the {called} theirs" in why_held_back(apply(live, tmp_path))
    without_policy(live, kind)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limit", [{"expires": HOUR}, {"max-length-bytes": 3}])
def test_another_limit_that_comes_once_the_new_queue_is_there(
    limit: dict[str, int], kind: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gets as much as it keeps."""
    interrupted(live, tmp_path, monkeypatch, Step.RETURN_PARKED.name)
    limited_by(live, limit, pattern="^work$", kind=kind)
    assert statuses(apply(live, tmp_path)) == {Status.FAILED}
    assert live.ready("proca-topo.parked.work") == (5 if "expires" in limit else 2)
    without_policy(live, kind)
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(5))


def test_what_arrives_is_spared_a_time_to_live_that_the_spec_wants_by_then(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing had waited. Uninterrupted it would have come to a queue that had none."""
    write(tmp_path, "")
    apply(live, tmp_path)
    write(tmp_path, NEW)
    with killed_at(monkeypatch, Step.DECLARE_NEW.name):
        apply(live, tmp_path)
    publish(live, range(5))
    write(tmp_path, ", ttl: 100")
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert queues(live) == {"work": {}}
    assert why_held_back(apply(live, tmp_path)).startswith("the message-ttl 100 would drop 5 messages in it")
    assert taken(live) == list(range(5))


def test_what_arrives_for_a_queue_with_a_time_to_live_comes_to_it(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the spec takes that back half-way: the old queue had it."""
    write(tmp_path, "")
    apply(live, tmp_path)
    for wanted in (f", ttl: {HOUR}", ""):
        write(tmp_path, wanted)
        with killed_at(monkeypatch, Step.DECLARE_NEW.name):
            apply(live, tmp_path)
        publish(live, range(5))
        write(tmp_path, f", ttl: {HOUR}")
        assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
        assert queues(live) == {"work": {"x-message-ttl": HOUR}}
        assert taken(live) == list(range(5))


@pytest.mark.parametrize("step", ["PARK", "DECLARE_NEW", "RETURN_PARKED"])
def test_a_time_to_live_that_the_spec_wants_by_then(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was begun is finished first, and then the policy spares what waits."""
    interrupted(live, tmp_path, monkeypatch, step)
    with (tmp_path / "topology.yaml").open("a") as spec:
        spec.write("policies: {ours: {pattern: '^work$', apply-to: queues, definition: {message-ttl: 100}}}\n")
    spec_text = (tmp_path / "topology.yaml").read_text().replace("owns: [", "owns: [ours, ")
    (tmp_path / "topology.yaml").write_text(spec_text)
    report = apply(live, tmp_path)
    assert {result.change.noun.name: result.status for result in report.results} == {
        "ours": Status.HELD_BACK,
        "work": Status.APPLIED,
    }
    assert {result.change.noun.name: result.status for result in apply(live, tmp_path).results} == {
        "ours": Status.APPLIED
    }
    assert taken(live) == list(range(5))
    publish(live, range(1))
    wait_until(lambda: live.ready("work") == 0, "what has come since expires", seconds=60)
