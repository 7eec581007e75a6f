"""A quorum queue that allows few deliveries loses nothing, however often a replacement is interrupted."""

from pathlib import Path

import pytest

from proca_topo.apply.replacing import boundary
from proca_topo.apply.report import Status
from proca_topo.plan.changes import Replacing
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.work_queue import apply, limited_by, publish, statuses, taken, write
from tests.live import Live
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

QUORUM = ", type: quorum"
FEW = f"{QUORUM}, arguments: {{x-delivery-limit: 2}}"
MORE = f"{QUORUM}, arguments: {{x-delivery-limit: 50}}"


def with_policy(live: Live, name: str, pattern: str, priority: int, **definition: int) -> None:
    policy = {
        "pattern": pattern,
        "definition": {key.replace("_", "-"): value for key, value in definition.items()},
        "apply-to": "queues",
        "priority": priority,
    }
    live.http.put(f"/api/policies/{live.path}/{name}", json=policy).raise_for_status()


def reason(live: Live, folder: Path) -> str:
    [result] = apply(live, folder, Replacing.DISCONNECTING).results
    assert result.status in {Status.HELD_BACK, Status.FAILED}
    return result.reason or ""


def test_a_policy_that_gives_few_deliveries_to_what_is_held(live: Live, tmp_path: Path) -> None:
    """On the queue itself another one is in force."""
    write(tmp_path, QUORUM)
    apply(live, tmp_path)
    with_policy(live, "ours", "^work$", 5, delivery_limit=100)
    with_policy(live, "theirs", ".*", 1, delivery_limit=2)
    publish(live, range(20))
    before = live.definitions()
    write(tmp_path, f"{QUORUM}, arguments: {{x-max-length: 1000}}")
    assert reason(live, tmp_path).startswith("the policy theirs would give delivery-limit to the queue that holds")
    assert live.definitions() == before


@pytest.mark.parametrize("step", ["PARK", "RETURN_PARKED"])
def test_such_a_policy_that_comes_meanwhile(
    step: str, live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, QUORUM)
    apply(live, tmp_path)
    publish(live, range(20))
    write(tmp_path, f"{QUORUM}, arguments: {{x-max-length: 1000}}")
    with killed_at(monkeypatch, step):
        apply(live, tmp_path)
    with_policy(live, "theirs", ".*", 1, delivery_limit=2)
    assert reason(live, tmp_path).startswith("the policy theirs would give delivery-limit to the queue that holds")
    live.http.delete(f"/api/policies/{live.path}/theirs").raise_for_status()
    assert statuses(apply(live, tmp_path)) == {Status.APPLIED}
    assert taken(live) == list(range(20))


def test_what_comes_before_the_queue_is_unbound_is_left_to_its_consumers(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was empty when the plan was made."""
    write(tmp_path, FEW)
    apply(live, tmp_path)
    write(tmp_path, MORE)

    def reached(step: str) -> None:
        if step == "BIND_ARRIVING":
            publish(live, range(20))

    with monkeypatch.context() as patch:
        patch.setattr(boundary, "reached", reached)
        said = reason(live, tmp_path)
    assert said.startswith("its delivery limit of 2 could drop some of 20 messages")
    assert "let it drain first, by its consumers, and apply again" in said
    publish(live, range(20, 30))
    assert reason(live, tmp_path).endswith("often: let it drain first")
    assert taken(live) == list(range(20))
    # RabbitMQ counts a quorum queue up to 5 s late.
    wait_until(lambda: statuses(apply(live, tmp_path)) == {Status.APPLIED}, "it has drained", seconds=60)
    assert taken(live) == list(range(20, 30))


def test_the_operator_gives_the_queue_few_deliveries(live: Live, tmp_path: Path) -> None:
    """A plan does not know that: it is found before anything is changed."""
    write(tmp_path, QUORUM)
    apply(live, tmp_path)
    limited_by(live, {"delivery-limit": 2}, pattern="^work$", kind="operator-policies")
    publish(live, range(20))
    before = live.definitions()
    write(tmp_path, MORE)
    [result] = apply(live, tmp_path).results
    assert result.status is Status.HELD_BACK
    assert (result.reason or "").startswith("its delivery limit of 2 could drop some of 20 messages")
    assert live.definitions() == before
