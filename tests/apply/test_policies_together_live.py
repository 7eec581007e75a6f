"""Policies that cost messages only by what they leave to others, on a real broker."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Replacing
from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost, restricted
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

COUNT: Final = 20
SPEC: Final = """\
topology: 1
owns: ["dead", "work", "rest", "p*"]
exchanges:
  dead: {type: direct}
queues:
  work: {type: classic, ARGUMENTS}
  rest: {type: classic, bindings: [{exchange: dead, key: work}]}
policies:
"""
WIDE: Final = '  p1: {pattern: "^work$", apply-to: queues, priority: PRIORITY, definition: {max-length: 1000}}\n'
NARROW: Final = '  p2: {pattern: "^work$", apply-to: queues, priority: 5, definition: {max-length: 3}}\n'
DEAD: Final = '  pNUMBER: {pattern: "PATTERN", priority: NUMBER, definition: {dead-letter-exchange: dead}}\n'
KEY: Final = '  p1: {pattern: "^work$", definition: {dead-letter-routing-key: work}}\n'
EXPIRES: Final = "ttl: 1h"
TO_DEAD: Final = f"{EXPIRES}, arguments: {{x-dead-letter-exchange: dead}}"


def write(folder: Path, policies: str, arguments: str = "durable: true") -> None:
    text = SPEC.replace("ARGUMENTS", arguments) + policies
    (folder / "topology.yaml").write_text(text.removesuffix("policies:\n"))


def dead(number: int, pattern: str = "^work$") -> str:
    return DEAD.replace("NUMBER", str(number)).replace("PATTERN", pattern)


def wide(priority: int) -> str:
    return WIDE.replace("PRIORITY", str(priority))


def there(live: Live) -> int:
    with live.channel() as channel:
        return sum(channel.queue_declare(name, passive=True).method.message_count for name in ("work", "rest"))


def all_die(live: Live) -> None:
    """Reject what waits in `work`: as dead letters it goes where it would go once it has expired. None is lost."""
    with live.channel() as channel:
        for _ in range(COUNT):
            method, _, _ = channel.basic_get("work")
            assert method is not None
            channel.basic_reject(method.delivery_tag, requeue=False)
        wait_until(
            lambda: channel.queue_declare("rest", passive=True).method.message_count == COUNT,
            "all of it is in rest",
            seconds=60,
        )


def held_back(report: Report) -> list[str]:
    return [str(result.reason) for result in report.results if result.status is Status.HELD_BACK]


@pytest.mark.parametrize(
    "specs",
    [
        (wide(9), wide(1) + NARROW, "durable: true"),
        (wide(9) + NARROW, wide(1) + NARROW, "durable: true"),
        (wide(9) + NARROW, NARROW, "durable: true"),
        (dead(1), dead(1, "^other$"), EXPIRES),
        (dead(9) + dead(5), "", EXPIRES),
        (KEY, "", TO_DEAD),
        (KEY, KEY.replace("key: work", "key: nobody"), TO_DEAD),
    ],
    ids=["both", "lower", "gone", "other-queue", "two-gone", "key-gone", "key-for-nobody"],
)
def test_nothing_that_waits_is_lost(
    specs: tuple[str, str, str], tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    before, after, arguments = specs
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, before, arguments)
        live.apply(desired_in(tmp_path))
        with live.channel() as channel:
            channel.queue_bind("work", "amq.fanout")
            for _ in range(COUNT):
                channel.basic_publish(
                    "amq.fanout", "work" if "dead-letter-exchange" not in arguments else "x", b""
                )
        write(tmp_path, after, arguments)
        report = live.apply(desired_in(tmp_path), with_prune=True)
        assert len(held_back(report)) == 1
        if EXPIRES in arguments:
            all_die(live)
        assert there(live) == COUNT
        # What has left the queue holds nothing back any more.
        with live.channel() as channel:
            channel.queue_purge("work")
        assert held_back(live.apply(desired_in(tmp_path), with_prune=True)) == []
        assert live.apply(desired_in(tmp_path), with_prune=True).results == ()


def test_what_a_consumer_holds_is_not_dropped_when_it_comes_back(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, "")
        live.apply(desired_in(tmp_path))
        live.fill("work", COUNT)
        write(tmp_path, NARROW)
        with live.channel() as channel:
            for _ in range(COUNT - 1):
                channel.basic_get("work")
            [reason] = held_back(live.apply(desired_in(tmp_path)))
        assert f"max-length 3 would drop {COUNT - 3} of {COUNT} messages" in reason
        assert there(live) == COUNT


def test_policies_that_take_over_are_set_in_turn_and_cost_nothing(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """`p1` gives way only once `p7` is there: `p2`, which comes between them, would drop what waits."""
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, wide(9) + NARROW)
        live.apply(desired_in(tmp_path))
        live.fill("work", COUNT)
        taking = '  p7: {pattern: "^work$", priority: 7, definition: {max-length: 500}}\n'
        write(tmp_path, wide(1) + NARROW + taking)
        assert held_back(live.apply(desired_in(tmp_path))) == []
        assert there(live) == COUNT
        assert live.apply(desired_in(tmp_path)).results == ()


def test_two_policies_that_take_over_each_others_queues_are_set_by_way_of_one_for_both(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Each alone would leave a queue without its dead-letter exchange."""
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, dead(1) + dead(2, "^rest$"))
        live.apply(desired_in(tmp_path))
        for name in ("work", "rest"):
            live.fill(name, COUNT)
        swapped = dead(1, "^rest$") + dead(2)
        write(tmp_path, swapped)
        assert len(held_back(live.apply(desired_in(tmp_path)))) == 2
        for policies in (dead(1, "^(work|rest)$") + dead(2, "^rest$"), swapped):
            write(tmp_path, policies)
            assert held_back(live.apply(desired_in(tmp_path))) == []
        assert there(live) == 2 * COUNT
        assert live.apply(desired_in(tmp_path)).results == ()


def test_two_policies_that_take_over_each_others_exchanges_leave_none_without_its_alternate(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    exchanges = "exchanges:\n  in1: {type: direct}\n  in2: {type: direct}\n"
    spec = (
        SPEC.replace("exchanges:\n", exchanges)
        .replace('"p*"', '"p*", "in*"')
        .replace("ARGUMENTS", "durable: true")
    )
    definition = "apply-to: exchanges, definition: {alternate-exchange: amq.fanout}"
    policies = f'  p1: {{pattern: "^in%s$", {definition}}}\n  p2: {{pattern: "^in%s$", {definition}}}\n'
    with live_vhost(broker_urls, vhost) as live:

        def applied(*patterns: str) -> list[str]:
            (tmp_path / "topology.yaml").write_text(spec + policies % patterns)
            return held_back(live.apply(desired_in(tmp_path)))

        applied("1", "2")
        with live.channel() as channel:
            channel.queue_declare("other", durable=True)
            channel.queue_bind("other", "amq.fanout")
        assert len(applied("2", "1")) == 2
        assert applied("[12]", "2") == applied("2", "1") == []
        with live.channel() as channel:
            for name in ("in1", "in2"):
                channel.basic_publish(name, "nobody", b"", mandatory=True)
        assert live.apply(desired_in(tmp_path)).results == ()


def test_a_queue_is_renamed_once_its_policy_is_for_the_new_name(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Moved before that, what waits in it would expire into nothing."""
    renamed = SPEC.replace("  work:", "  p.work:").replace(
        "{type: classic, ARGUMENTS}", f"{{type: classic, {EXPIRES}, renamed_from: work}}"
    )
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, dead(1), EXPIRES)
        live.apply(desired_in(tmp_path))
        live.fill("work", COUNT)
        (tmp_path / "topology.yaml").write_text(renamed + dead(1, "^p.work$"))
        report = live.apply(desired_in(tmp_path), with_prune=True, replacing=Replacing.IDLE)
        assert len(held_back(report)) == 2
        all_die(live)
        report = live.apply(desired_in(tmp_path), with_prune=True, replacing=Replacing.IDLE)
        assert held_back(report) == []
        assert live.apply(desired_in(tmp_path), with_prune=True).results == ()


def test_what_waits_to_expire_is_not_moved_to_where_it_is_dropped(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    with live_vhost(broker_urls, vhost) as live:
        write(tmp_path, "", TO_DEAD)
        live.apply(desired_in(tmp_path))
        live.fill("work", COUNT)
        write(tmp_path, "", EXPIRES)
        assert len(held_back(live.apply(desired_in(tmp_path), replacing=Replacing.IDLE))) == 1
        all_die(live)
        assert held_back(live.apply(desired_in(tmp_path), replacing=Replacing.IDLE)) == []


def test_an_exchange_that_rabbitmq_does_not_let_go_keeps_its_alternate(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    without = SPEC.replace('"p*"', '"p*", "in1"').replace("ARGUMENTS", "durable: true")
    spec = without.replace("exchanges:\n", "exchanges:\n  in1: {type: direct}\n")
    alternate = '  p1: {pattern: "^in1$", apply-to: exchanges, definition: {alternate-exchange: dead}}\n'
    with live_vhost(broker_urls, vhost) as live:
        (tmp_path / "topology.yaml").write_text(spec + alternate)
        live.apply(desired_in(tmp_path))
        (tmp_path / "topology.yaml").write_text(without.removesuffix("policies:\n"))
        with restricted(live, configure="^(?!in1$)") as broker:
            report = replace(live, broker=broker).apply(desired_in(tmp_path), with_prune=True)
        assert {result.change.noun.name: result.status for result in report.results} == {
            "in1": Status.FAILED,
            "p1": Status.DRAINING,
        }
        with live.channel() as channel:
            channel.basic_publish("in1", "work", b"", mandatory=True)
        live.apply(desired_in(tmp_path), with_prune=True)
        assert live.apply(desired_in(tmp_path), with_prune=True).results == ()
        assert live.definitions()["policies"] == []
