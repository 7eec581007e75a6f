"""What happens on the broker between the plan and the apply is seen before anything is lost by it."""

from pathlib import Path

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.apply.run import apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT
from proca_topo.plan.planner import make_plan
from proca_topo.topology.routing.topics import topic_matches
from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost

pytestmark = pytest.mark.broker

QUEUE = 'topology: 1\nowns: ["q", "limit"]\nqueues:\n  q: {}\n'
LIMIT = QUEUE + 'policies:\n  limit: {pattern: "^q$", apply-to: queues, definition: {max-length: 3}}\n'
NOTHING = 'topology: 1\nowns: ["q", "limit"]\n'


def applied_late(live: Live, folder: Path, meanwhile: str) -> Report:
    """Plan, let something happen, apply that plan."""
    desired = desired_in(folder)
    existing = read_existing(live.broker, live.vhost, desired, with_prune=True)
    plan = make_plan(existing, desired, with_prune=True)
    assert plan.to_do
    if meanwhile == "publish":
        live.fill("q", 10)
    else:
        with live.channel() as channel:
            channel.queue_bind("q", "amq.topic", "new.key")
    return apply_plan(plan, existing, desired, live.broker, with_prune=True, watch=SILENT)


def ready(live: Live) -> int:
    with live.channel() as channel:
        count: int = channel.queue_declare("q", passive=True).method.message_count
        return count


def test_a_policy_is_held_back_if_messages_came_that_it_would_drop(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUE)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(LIMIT)
        [result] = applied_late(live, tmp_path, "publish").results
        assert result.status is Status.HELD_BACK
        assert ready(live) == 10


def test_a_queue_that_somebody_binds_anew_is_not_deleted(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUE)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(NOTHING)
        [result] = applied_late(live, tmp_path, "bind").results
        assert (result.status, result.reason) == (
            Status.DRAINING,
            "somebody has bound it anew: amq.topic -[new.key]-> q",
        )
        assert ready(live) == 0


PATTERNS = ("", "#", "*", "a", "a.*", "a.#", "#.a", "a.#.b", "*.*", "#.*.#", "a..b", "*.b.#")
KEYS = ("", "a", "b", "a.b", "a.b.c", "a..b", ".", "a.", ".a", "a.x.y.b")


def test_topic_patterns_are_read_as_rabbitmq_reads_them(broker_urls: TestBroker, vhost: str) -> None:
    with live_vhost(broker_urls, vhost) as live, live.channel() as channel:
        for pattern in PATTERNS:
            channel.queue_declare(f"q{pattern}")
            channel.queue_bind(f"q{pattern}", "amq.topic", pattern)
        for key in KEYS:
            channel.basic_publish("amq.topic", key, b"")
            reached = {p for p in PATTERNS if channel.basic_get(f"q{p}", auto_ack=True)[0] is not None}
            assert reached == {p for p in PATTERNS if topic_matches(p, key)}, key
