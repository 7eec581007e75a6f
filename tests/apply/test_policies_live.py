"""A policy that changes costs no message that waits, however late RabbitMQ counts it."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.apply.run import apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT
from proca_topo.plan.planner import make_plan
from tests.brokers.fixtures import TestBroker
from tests.live import desired_in, live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

SOON_SECONDS: Final = 60
SPEC: Final = """\
topology: 1
owns: ["work", "dead", "limit", "{org}.q", "{org}.limit"]
exchanges:
  dead: {type: fanout}
queues:
  work: {type: TYPE}
"""


def policy(definition: str) -> str:
    return f'policies:\n  limit: {{pattern: "^work$", apply-to: queues, definition: {{{definition}}}}}\n'


def write(folder: Path, queue_type: str, definition: str | None) -> None:
    text = SPEC.replace("TYPE", queue_type) + (policy(definition) if definition else "")
    (folder / "topology.yaml").write_text(text)


def status(report: Report) -> Status:
    [result] = report.results
    return result.status


def held_back(report: Report) -> str:
    [result] = report.results
    assert result.status is Status.HELD_BACK
    assert result.reason is not None
    return result.reason


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_limit_sees_messages_that_came_a_moment_ago(
    queue_type: str, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """The management API counts a quorum queue's messages every 5 s only."""
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, queue_type, None)
        live.apply(desired_in(tmp_path))
        live.fill("work", 10)
        write(tmp_path, queue_type, "max-length: 2")
        assert "max-length 2 would drop 8 of 10 messages in work" in held_back(live.apply(desired_in(tmp_path)))
        assert live.ready("work") == 10


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
@pytest.mark.parametrize("limit", ["max-length: 2", "max-length-bytes: 4"])
def test_a_queue_that_refuses_what_is_too_much_may_get_a_lower_limit_while_it_is_full(
    queue_type: str, limit: str, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, queue_type, "overflow: reject-publish, max-length: 100")
        live.apply(desired_in(tmp_path))
        live.fill("work", 10)
        write(tmp_path, queue_type, f"overflow: reject-publish, {limit}")
        with live.channel() as channel:
            for _ in range(8):
                channel.basic_get("work")
            assert status(live.apply(desired_in(tmp_path))) is Status.APPLIED
        wait_until(lambda: live.ready("work") == 10, "everything is back", seconds=SOON_SECONDS)
        write(tmp_path, queue_type, f"overflow: drop-head, {limit}")
        assert limit.replace(":", "") in held_back(live.apply(desired_in(tmp_path)))
        assert live.ready("work") == 10


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_full_queue_from_which_consumers_have_taken_some_may_get_another_policy(
    queue_type: str, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, queue_type, "max-length: 5")
        live.apply(desired_in(tmp_path))
        live.fill("work", 5)
        with live.channel() as channel:
            for _ in range(4):
                channel.basic_get("work")
            live.fill("work", 4)
            write(tmp_path, queue_type, "max-length: 5, message-ttl: 600000")
            assert status(live.apply(desired_in(tmp_path))) is Status.APPLIED
            write(tmp_path, queue_type, "max-length: 7, message-ttl: 600000")
            assert status(live.apply(desired_in(tmp_path))) is Status.APPLIED


def test_a_limit_for_one_org_sees_them_too(tmp_path: Path, broker_urls: TestBroker, vhost: str) -> None:
    """RabbitMQ 3.10 counts the messages of a single queue up to 7 s late."""
    spec = (
        'topology: 1\nowns: ["{org}.q", "{org}.limit"]\norg:\n  options: {limited: {}}\n'
        '  queues: {"{org}.q": {}}\n  policies:\n    "{org}.limit": {pattern: "^{org}\\\\.q$", apply-to: queues,'
        " definition: {max-length: LIMIT}}\n"
    )
    (tmp_path / "orgs").mkdir()
    (tmp_path / "orgs" / "acme.yaml").write_text("")
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(spec.replace("LIMIT", "100"))
        live.apply(desired_in(tmp_path))
        live.fill("acme.q", 10)
        (tmp_path / "topology.yaml").write_text(spec.replace("LIMIT", "2"))
        reason = held_back(live.apply(desired_in(tmp_path, orgs=("acme",))))
        assert "max-length 2 would drop 8 of 10 messages in acme.q" in reason


@pytest.mark.parametrize(("pattern", "other"), [("^{org}", "acme2.q"), ("q$", "beta.q")])
def test_a_limit_of_one_org_that_others_would_come_under_is_held_back_for_them(
    pattern: str, other: str, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    spec = 'topology: 1\nowns: ["{org}.q", "{org}.limit"]\norg:\n  queues: {"{org}.q": {}}\n'
    limit = f'  policies: {{"{{org}}.limit": {{pattern: "{pattern}", definition: {{max-length: 3}}}}}}\n'
    (tmp_path / "orgs").mkdir()
    for org in ("acme", other.partition(".")[0]):
        (tmp_path / "orgs" / f"{org}.yaml").write_text("")
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(spec)
        live.apply(desired_in(tmp_path))
        live.fill(other, 5)
        (tmp_path / "topology.yaml").write_text(spec + limit)
        reason = held_back(live.apply(desired_in(tmp_path, orgs=("acme",))))
        assert f"max-length 3 would drop 2 of 5 messages in {other}" in reason


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
@pytest.mark.parametrize("after", [None, "message-ttl: 1h"], ids=["deleted", "changed"])
def test_a_policy_that_dead_letters_what_waits_stays(
    after: str | None, queue_type: str, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Without it they would expire into nothing."""
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, queue_type, "message-ttl: 1h, dead-letter-exchange: dead")
        live.apply(desired_in(tmp_path))
        live.fill("work", 5)
        write(tmp_path, queue_type, after)
        reason = held_back(live.apply(desired_in(tmp_path), with_prune=True))
        assert "5 messages in work would be dropped, not dead-lettered" in reason
        with live.channel() as channel:
            channel.queue_purge("work")
        # RabbitMQ counts the messages of quorum queues some 5 s late.
        wait_until(
            lambda: status(live.apply(desired_in(tmp_path), with_prune=True)) is Status.APPLIED,
            "the empty queue does without the policy",
            seconds=SOON_SECONDS if queue_type == "quorum" else 0,
        )


def test_a_policy_that_is_to_be_deleted_stays_if_messages_came_that_need_it(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, "classic", "message-ttl: 1h, dead-letter-exchange: dead")
        live.apply(desired_in(tmp_path))
        write(tmp_path, "classic", None)
        desired = desired_in(tmp_path)
        existing = read_existing(live.broker, vhost, desired, with_prune=True)
        plan = make_plan(existing, desired, with_prune=True)
        assert plan.to_do
        live.fill("work", 5)
        report = apply_plan(plan, existing, desired, live.broker, with_prune=True, watch=SILENT)
        assert "5 messages in work would be dropped" in held_back(report)


@pytest.mark.parametrize("limit", ["max-age: 1h", "max-length-bytes: 200000"])
def test_a_stream_is_not_cut_short_while_it_holds_messages(
    limit: str, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """RabbitMQ's listing does not count them."""
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, "stream", None)
        live.apply(desired_in(tmp_path))
        live.fill("work", 10)
        # RabbitMQ counts the messages of streams some 5 s late.
        wait_until(
            lambda: live.broker.look(vhost, ["work"])["work"].ready == 10, "they are counted", seconds=SOON_SECONDS
        )
        write(tmp_path, "stream", limit)
        assert "in work" in held_back(live.apply(desired_in(tmp_path)))


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
@pytest.mark.parametrize("after", [None, "overflow: drop-head"], ids=["deleted", "changed"])
def test_a_full_queue_stays_one_that_refuses_what_is_too_much_where_the_operator_limits_it(
    after: str | None, queue_type: str, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Without the operator's policy the change would cost nothing."""
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, queue_type, "overflow: reject-publish")
        live.apply(desired_in(tmp_path))
        live.fill("work", 10)
        operators = f"/api/operator-policies/{live.path}/theirs"
        limit = {"pattern": "^work$", "apply-to": "queues", "definition": {"max-length": 4}}
        live.http.put(operators, json=limit).raise_for_status()
        write(tmp_path, queue_type, after)
        report = live.apply(desired_in(tmp_path), with_prune=True)
        reason = "with the policies of the operator max-length 4 would drop 6 of 10 messages in work;"
        assert held_back(report).startswith(reason)
        assert [(change.held_back or "").startswith(reason) for change in report.plan.changes] == [True]
        assert live.ready("work") == 10
        live.http.delete(operators).raise_for_status()
        assert status(live.apply(desired_in(tmp_path), with_prune=True)) is Status.APPLIED
        assert live.ready("work") == 10
