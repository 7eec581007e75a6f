"""What happens on the broker between the plan and the apply is seen before anything is lost by it."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.deleting import delete
from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Report, Status
from proca_topo.apply.run import apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT, StopRequestedError, Watcher
from proca_topo.plan.changes import Delete
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Queue
from proca_topo.topology.routing.topics import topic_matches
from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost, reject_next, restricted
from tests.waiting import wait_until

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


def test_a_policy_is_held_back_if_messages_came_that_it_would_drop(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUE)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(LIMIT)
        [result] = applied_late(live, tmp_path, "publish").results
        assert result.status is Status.HELD_BACK
        assert live.ready("q") == 10


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
        assert live.ready("q") == 0


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


ROUND: Final = """\
topology: 1
owns: ["in", "work", "wait", "fail"]
exchanges:
  in: {type: topic}
  fail: {type: topic}
queues:
  wait: {ttl: 1h, dead-letter: {exchange: in}, bindings: [{exchange: fail, key: "#"}]}
"""
WORK: Final = '  work: {dead-letter: {exchange: fail}, bindings: [{exchange: in, key: "a.*"}]}\n'


def test_a_message_that_came_to_wait_since_keeps_its_queue_and_its_way_back(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """It comes back through the exchange that it was published to: whoever unbinds that route loses it."""
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(ROUND + WORK)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(ROUND)
        desired = desired_in(tmp_path)
        existing = read_existing(live.broker, live.vhost, desired, with_prune=True)
        plan = make_plan(existing, desired, with_prune=True)
        assert {type(change) for change in plan.changes} == {Delete}
        with live.channel() as channel:
            channel.basic_publish("in", "a.b", b"{}", mandatory=True)
            reject_next(channel, "work")
            # Nobody is told when RabbitMQ has put it there.
            wait_until(
                lambda: channel.queue_declare("wait", passive=True).method.message_count, "it waits", seconds=60
            )
        report = apply_plan(plan, existing, desired, live.broker, with_prune=True, watch=SILENT)
        assert {(r.change.noun.name, r.status, r.reason) for r in report.results} == {
            ("work", Status.DRAINING, "1 message in wait may still come to it"),
            ("in -[a.*]-> work", Status.DRAINING, "it stays as long as work does"),
        }
        assert any(binding.destination == "work" for binding in live.broker.read(vhost).bindings)


class _Interrupted:
    """A watcher that wants the apply to stop when a stage begins."""

    def __init__(self, stage: str) -> None:
        self._stage = stage

    def stage(self, title: str, total: int) -> None:
        del total
        if title == self._stage:
            raise StopRequestedError

    def advance(self, count: int) -> None: ...


def delete_with(live: Live, folder: Path, meanwhile: Callable[[], None], watch: Watcher = SILENT) -> Ledger:
    """Plan, and make the deletions; `meanwhile` happens while the ways back are unbound."""
    desired = desired_in(folder)
    existing = read_existing(live.broker, live.vhost, desired, with_prune=True)
    plan = make_plan(existing, desired, with_prune=True)
    assert {type(change) for change in plan.changes} == {Delete}
    pauses = 0

    def pause(seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 2:
            assert not any(binding.destination == "work" for binding in live.broker.read(live.vhost).bindings)
            meanwhile()
        time.sleep(seconds)

    ledger = Ledger(plan)
    with suppress(StopRequestedError):
        delete(
            plan,
            existing,
            live.broker,
            ledger,
            watch,
            desired=desired.bindings,
            read=lambda: read_existing(live.broker, live.vhost, desired, with_prune=True),
            sleep=pause,
        )
    assert pauses == 2
    return ledger


def test_a_way_back_that_is_gone_when_a_message_comes_to_wait_is_bound_again(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """The last moment: the queue was empty, its way back is unbound, and somebody rejects a message."""
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(ROUND + WORK)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(ROUND)

        def reject() -> None:
            with live.channel() as channel:
                channel.basic_publish("fail", "a.b", b"{}", mandatory=True)

        ledger = delete_with(live, tmp_path, reject)
        work = Queue(name="work", type="classic", arguments=Arguments.of({"x-dead-letter-exchange": "fail"}))
        assert ledger.status(work) is Status.DRAINING
        assert any(binding.destination == "work" for binding in live.broker.read(vhost).bindings)


def test_an_apply_that_is_interrupted_leaves_no_queue_without_its_way_back(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(ROUND + WORK)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(ROUND)
        delete_with(live, tmp_path, lambda: None, _Interrupted("deleting queues"))
        there = live.broker.read(vhost)
        assert "work" in there.queues
        assert any(binding.destination == "work" for binding in there.bindings)


def test_a_way_back_through_another_exchange_stays_as_long_as_its_queue(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Each org has an exchange of its own behind the shared return exchange."""
    hop = '  mine: {type: topic, bindings: [{exchange: in, key: "a.#"}]}\n'
    spec = ROUND.replace('"fail"]', '"fail", "mine"]').replace("queues:\n", f"{hop}queues:\n", 1)
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(spec + WORK.replace("exchange: in", "exchange: mine"))
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(ROUND.replace('"fail"]', '"fail", "mine"]'))
        with live.channel() as channel:
            channel.basic_publish("fail", "a.b", b"{}", mandatory=True)
        report = live.apply(desired_in(tmp_path), with_prune=True)
        assert {r.change.noun.name: r.status for r in report.results} == {
            "in -[a.#]-> mine": Status.DRAINING,
            "mine -[a.*]-> work": Status.DRAINING,
            "work": Status.DRAINING,
            "mine": Status.DRAINING,
        }
        with live.channel() as channel:
            channel.queue_purge("wait")
        report = live.apply(desired_in(tmp_path), with_prune=True)
        assert [(r.change.noun.name, r.reason) for r in report.results if r.status is not Status.APPLIED] == []
        assert live.apply(desired_in(tmp_path), with_prune=True).plan.changes == ()


def test_of_two_ways_back_the_one_that_is_gone_comes_again_if_the_other_cannot_go(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    both = WORK.replace("}]}", '}, {exchange: kept, key: "a.*"}]}')
    spec = ROUND.replace('"fail"]', '"fail", "kept"]').replace(
        "  fail:", '  kept: {type: topic, bindings: [{exchange: in, key: "#"}]}\n  fail:'
    )
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(spec + both)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(spec)
        with restricted(live, read="^(?!kept$).*") as broker:
            desired = desired_in(tmp_path)
            existing = read_existing(broker, vhost, desired, with_prune=True)
            plan = make_plan(existing, desired, with_prune=True)
            report = apply_plan(plan, existing, desired, broker, with_prune=True, watch=SILENT)
        assert {r.change.noun.name: r.status for r in report.results} == {
            "in -[a.*]-> work": Status.DRAINING,
            "kept -[a.*]-> work": Status.FAILED,
            "work": Status.DRAINING,
        }
        assert {b.source for b in live.broker.read(vhost).bindings if b.destination == "work"} == {"in", "kept"}


def test_a_queue_that_somebody_dead_letters_to_by_now_is_not_deleted(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(QUEUE)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(NOTHING)
        desired = desired_in(tmp_path)
        existing = read_existing(live.broker, live.vhost, desired, with_prune=True)
        plan = make_plan(existing, desired, with_prune=True)
        with live.channel() as channel:
            letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q"}
            channel.queue_declare("theirs", durable=True, arguments=letters)
        report = apply_plan(plan, existing, desired, live.broker, with_prune=True, watch=SILENT)
        assert [(r.status, r.reason) for r in report.results] == [
            (Status.DRAINING, "theirs sends dead letters to it by now")
        ]
        assert "q" in live.broker.read(vhost).queues
