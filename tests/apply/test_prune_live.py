"""Prune on a real broker, with real messages: nothing is lost, whatever is waiting where."""

from pathlib import Path

import pytest

from proca_topo.apply.report import Status
from proca_topo.apply.run import apply_anew, apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT
from proca_topo.plan.changes import Delete, Replacing, Retire
from proca_topo.plan.planner import make_plan
from proca_topo.topology.nouns import Queue
from tests.apply.option import queue_status, switch, write_spec
from tests.brokers.fixtures import TestBroker
from tests.live import desired_in, live_vhost, restricted
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


def test_an_apply_that_waits_makes_no_changes_but_those_it_began_with(
    folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """What comes to be undesired while it waits is in no plan that anybody saw."""
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        switch(folder, on=False)
        desired = desired_in(folder)
        existing = read_existing(live.broker, vhost, desired, with_prune=True)
        plan = make_plan(existing, desired, with_prune=True)
        with live.channel() as channel:
            tag = channel.basic_consume("acme.crm", lambda *_: None)
            first = apply_plan(plan, existing, desired, live.broker, with_prune=True, watch=SILENT)
            channel.queue_declare("system.new", durable=True)
            channel.basic_cancel(tag)
        later = apply_anew(
            desired,
            live.broker,
            vhost,
            with_prune=True,
            watch=SILENT,
            replacing=Replacing.FINISHING,
            only=first.plan,
        )
        assert later.counts()[Status.APPLIED] == 2, "the queue and its way back"
        assert live.broker.read(vhost).queues.keys() == {"system.retry", "system.new"}
        assert later.after is not None
        assert [change.noun.name for change in later.after.changes] == ["system.new"]


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_message_that_a_consumer_holds_unacknowledged_keeps_its_queue(
    queue_type: str, folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """RabbitMQ's own if-empty does not see it, and would delete it with the queue."""
    write_spec(folder, queue_type)
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        live.fill("acme.crm", 1)
        switch(folder, on=False)
        with live.channel() as channel:
            method, _, _ = channel.basic_get("acme.crm")
            assert method is not None
            status, reason = queue_status(live, folder)
            assert status is Status.DRAINING
            # A quorum queue counts whoever holds a message as a consumer, and does so at once.
            assert reason in {"1 message in it, 1 of them unacknowledged", "1 consumer on it"}
            channel.basic_ack(method.delivery_tag)
        # Nobody is told when the acknowledgement has come to the queue.
        wait_until(
            lambda: queue_status(live, folder)[0] is Status.APPLIED, "what is acknowledged is gone", seconds=60
        )


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_queue_with_a_consumer_stays(queue_type: str, folder: Path, broker_urls: TestBroker, vhost: str) -> None:
    write_spec(folder, queue_type)
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        switch(folder, on=False)
        with live.channel() as channel:
            tag = channel.basic_consume("acme.crm", lambda *_: None)
            assert queue_status(live, folder) == (Status.DRAINING, "1 consumer on it")
            channel.basic_cancel(tag)
        assert queue_status(live, folder)[0] is Status.APPLIED


def test_a_message_published_while_prune_unbinds_is_not_lost(
    folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """What was confirmed before the route went is in the queue, and the queue stays."""
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        switch(folder, on=False)
        with live.channel() as channel:
            channel.basic_publish("in", "acme.1", b"{}", mandatory=True)
            status, reason = queue_status(live, folder)
        assert (status, reason) == (Status.DRAINING, "1 message in it")
        assert live.ready("acme.crm") == 1


def test_an_exchange_that_an_exclusive_queue_listens_to_is_held_back(
    folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """The queue's name is one that we own, but it belongs to a connection: neither it nor its binding is ours."""
    with live_vhost(broker_urls, vhost) as live:
        live.load({"exchanges": [{"name": "system.old", "type": "topic", "durable": True}]})
        with live.channel() as channel:
            channel.queue_declare("system.tail", exclusive=True)
            channel.queue_bind("system.tail", "system.old", "#")
            report = live.apply(desired_in(folder), with_prune=True)
            [change] = [one for one in report.plan.changes if isinstance(one, Delete)]
            assert change.noun.name == "system.old"
            assert change.held_back is not None
            assert "system.old -[#]-> system.tail is not ours" in change.held_back
            channel.basic_publish("system.old", "x", b"{}", mandatory=True)


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_a_queue_that_cannot_be_unbound_is_not_deleted(
    queue_type: str, folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """A publish that overlaps a deletion can be confirmed and lost, so there is none while a route stands."""
    write_spec(folder, queue_type)
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        switch(folder, on=False)
        with restricted(live, read="^(?!in$).*") as broker:
            desired = desired_in(folder)
            existing = read_existing(broker, vhost, desired, with_prune=True)
            plan = make_plan(existing, desired, with_prune=True)
            report = apply_plan(plan, existing, desired, broker, with_prune=True, watch=SILENT)
        [queue] = [result for result in report.results if isinstance(result.change.noun, Queue)]
        assert (queue.status, queue.reason) == (
            Status.DRAINING,
            "it is still bound: in -[acme.#]-> acme.crm could not be deleted",
        )
        with live.channel() as channel:
            channel.basic_publish("in", "acme.1", b"{}", mandatory=True)


def test_a_stream_that_somebody_reads_stays(folder: Path, broker_urls: TestBroker, vhost: str) -> None:
    """AMQP counts no consumers of a stream; the statistics do, some seconds late."""
    with live_vhost(broker_urls, vhost) as live:
        live.load(
            {
                "queues": [
                    {
                        "name": "system.s",
                        "durable": True,
                        "auto_delete": False,
                        "arguments": {"x-queue-type": "stream"},
                    }
                ]
            }
        )
        with live.channel() as channel:
            channel.basic_qos(prefetch_count=1)
            tag = channel.basic_consume("system.s", lambda *_: None)
            report = live.apply(desired_in(folder), with_prune=True)
            [result] = [r for r in report.results if isinstance(r.change, (Delete, Retire))]
            assert result.status is Status.DRAINING
            channel.basic_cancel(tag)
        wait_until(
            lambda: not live.apply(desired_in(folder), with_prune=True).plan.changes,
            "an empty stream that nobody reads is gone",
            seconds=90,
            look_seconds=1,
        )
