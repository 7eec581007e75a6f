"""An exchange whose alternate exchange the broker refuses is not declared: it would drop what it cannot route."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.plan.declaring.order import EXCHANGES
from proca_topo.topology.desired import Desired
from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost, restricted

pytestmark = pytest.mark.broker

SPEC: Final = """\
topology: 1
owns: ["*"]
exchanges:
  lost: {type: fanout}
  by.argument: {type: fanout, alternate: lost}
  by.policy: {type: fanout}
  behind: {type: fanout, alternate: by.argument}
  other: {type: fanout}
policies:
  alternates: {pattern: "^by.policy$", apply-to: exchanges, definition: {alternate-exchange: lost}}
queues:
  q: {bindings: [{exchange: lost}, {exchange: by.argument}, {exchange: by.policy}, {exchange: other}]}
"""
# So many that they are imported, of which RabbitMQ says nothing if it skips one.
MANY: Final = "".join(f"  many.{number}: {{type: fanout}}\n" for number in range(30))
DROPPED: Final = "what it cannot route would be dropped: exchange {} is not there"


def applied(live: Live, desired: Desired) -> Report:
    """An apply of a user who may not declare the exchange `lost`."""
    with restricted(live, configure="^(?!lost$)") as broker:
        return replace(live, broker=broker).apply(desired)


class _Other:
    """A watcher that declares another exchange `lost` as soon as ours are to be declared."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def stage(self, title: str, total: int) -> None:
        del total
        if title == EXCHANGES:
            with self._live.channel() as channel:
                channel.exchange_declare("lost", "topic", durable=True)

    def advance(self, count: int) -> None: ...


@pytest.mark.parametrize("more", ["", MANY], ids=["few", "many"])
def test_an_exchange_whose_alternate_is_refused_is_not_tried_nor_what_is_bound_to_it(
    tmp_path: Path, broker_urls: TestBroker, vhost: str, more: str
) -> None:
    (tmp_path / "topology.yaml").write_text(SPEC.replace("policies:", f"{more}policies:"))
    with live_vhost(broker_urls, vhost) as live:
        report = live.apply(desired_in(tmp_path), watch=_Other(live))
        not_tried = {r.change.noun.name: r.reason for r in report.results if r.status is Status.NOT_TRIED}
        assert not_tried == {
            "by.argument": DROPPED.format("lost"),
            "by.policy": DROPPED.format("lost"),
            "behind": DROPPED.format("by.argument"),
            "lost -[]-> q": "its exchange lost could not be declared",
            "by.argument -[]-> q": "its exchange by.argument could not be declared",
            "by.policy -[]-> q": "its exchange by.policy could not be declared",
        }
        assert [r.change.noun.name for r in report.results if r.status is Status.FAILED] == ["lost"]
        there = live.broker.read(vhost)
        assert not {"behind", "by.argument", "by.policy"} & there.exchanges.keys()
        assert [binding.name for binding in there.bindings] == ["other -[]-> q"]
        with live.channel() as channel:
            channel.exchange_delete("lost")
        live.apply(desired_in(tmp_path))
        assert live.apply(desired_in(tmp_path)).plan.changes == ()


def test_an_exchange_that_takes_dead_letters_of_what_is_there_is_declared_all_the_same(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Without it all of them are dropped, and not only those that it cannot route."""
    (tmp_path / "topology.yaml").write_text(SPEC)
    with live_vhost(broker_urls, vhost) as live:
        with live.channel() as channel:
            channel.queue_declare("theirs", durable=True, arguments={"x-dead-letter-exchange": "by.argument"})
        applied(live, desired_in(tmp_path))
        there = live.broker.read(vhost)
        assert "by.argument -[]-> q" in {binding.name for binding in there.bindings}


def test_a_queue_whose_dead_letter_exchange_is_refused_gets_no_messages(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    spec = SPEC.replace("q: {", "q: {dead-letter: {exchange: lost}, ")
    (tmp_path / "topology.yaml").write_text(spec)
    with live_vhost(broker_urls, vhost) as live:
        report = applied(live, desired_in(tmp_path))
        [other] = [r for r in report.results if r.change.noun.name == "other -[]-> q"]
        reason = "its queue would drop what is rejected or expires: exchange lost is not there"
        assert (other.status, other.reason) == (Status.NOT_TRIED, reason)


def test_an_exchange_whose_alternate_a_policy_sets_is_not_declared_without_that_policy(
    tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Policies take a tag of their own, which the user may lack."""
    (tmp_path / "topology.yaml").write_text(SPEC)
    with live_vhost(broker_urls, vhost) as live:
        with restricted(live, tags="management") as broker:
            report = replace(live, broker=broker).apply(desired_in(tmp_path))
        assert {r.change.noun.name: r.reason for r in report.results if r.status is Status.NOT_TRIED} == {
            "by.policy": "what it cannot route would be dropped: policy alternates is not there",
            "by.policy -[]-> q": "its exchange by.policy could not be declared",
        }
        assert "by.policy" not in live.broker.read(vhost).exchanges
        live.apply(desired_in(tmp_path))
        assert live.apply(desired_in(tmp_path)).plan.changes == ()
