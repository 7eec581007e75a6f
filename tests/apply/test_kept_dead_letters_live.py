"""Dead letters that a quorum queue keeps until they have a way on: nobody can consume them, and they count."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Change, Replacing
from proca_topo.topology.nouns import Kind, kind_of
from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

COUNT: Final = 20
SPEC: Final = """\
topology: 1
owns: ["dead", "keeps", "rest", "strategy"]
exchanges:
  dead: {type: direct}
queues:
  rest: {type: quorum, bindings: [{exchange: dead, key: elsewhere}]}
"""
KEEPS: Final = (
    "  keeps: {type: quorum, overflow: reject-publish, EXTRA arguments: {x-dead-letter-exchange: dead,"
    " x-message-ttl: 500}}\n"
)
BY_POLICY: Final = (
    'policies:\n  strategy: {pattern: "^keeps$", apply-to: queues, definition: {dead-letter-strategy: VALUE}}\n'
)


def write(folder: Path, text: str) -> None:
    (folder / "topology.yaml").write_text(text)


def kept(live: Live) -> int:
    """The dead letters in the queue, as RabbitMQ's statistics tell them."""
    found = live.http.get(f"/api/queues/{live.path}/keeps")
    return int(found.json().get("messages_dlx", 0)) if found.is_success else 0


def result_of(report: Report, kind: Kind, name: str) -> tuple[Change, Status, str | None]:
    [found] = [r for r in report.results if (kind_of(r.change.noun), r.change.noun.name) == (kind, name)]
    return found.change, found.status, found.reason


@pytest.fixture
def with_dead_letters(tmp_path: Path, broker_urls: TestBroker, vhost: str) -> object:
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, SPEC + KEEPS.replace("EXTRA", "") + BY_POLICY.replace("VALUE", "at-least-once"))
        live.apply(desired_in(tmp_path))
        live.fill("keeps", COUNT)
        wait_until(lambda: kept(live) == COUNT, "all have expired and are kept", seconds=60)
        yield live


def test_a_queue_is_not_pruned_with_them(with_dead_letters: Live, tmp_path: Path) -> None:
    write(tmp_path, SPEC + BY_POLICY.replace("VALUE", "at-least-once"))
    report = with_dead_letters.apply(desired_in(tmp_path), with_prune=True)
    _, status, reason = result_of(report, Kind.QUEUE, "keeps")
    assert status is Status.DRAINING
    assert f"{COUNT} messages in it, {COUNT} of them dead letters that it keeps" in str(reason)
    assert kept(with_dead_letters) == COUNT


def test_a_queue_is_not_replaced_with_them(with_dead_letters: Live, tmp_path: Path) -> None:
    write(
        tmp_path, SPEC + KEEPS.replace("EXTRA", "max-length: 1000,") + BY_POLICY.replace("VALUE", "at-least-once")
    )
    report = with_dead_letters.apply(desired_in(tmp_path), replacing=Replacing.IDLE)
    _, status, reason = result_of(report, Kind.QUEUE, "keeps")
    assert status is Status.HELD_BACK
    assert f"{COUNT} dead letters in keeps" in str(reason)
    assert kept(with_dead_letters) == COUNT


@pytest.mark.parametrize("after", ["at-most-once", None])
def test_a_policy_does_not_take_the_strategy_from_it(
    after: str | None, with_dead_letters: Live, tmp_path: Path
) -> None:
    policy = BY_POLICY.replace("VALUE", after) if after else ""
    write(tmp_path, SPEC + KEEPS.replace("EXTRA", "") + policy)
    report = with_dead_letters.apply(desired_in(tmp_path), with_prune=True)
    _, status, reason = result_of(report, Kind.POLICY, "strategy")
    assert status is Status.HELD_BACK
    assert f"{COUNT} dead letters that keeps keeps would be dropped" in str(reason)
    assert kept(with_dead_letters) == COUNT
