"""Prune on a real broker while messages wait in a retry circuit: they come back before their queue goes."""

import time
from functools import partial
from pathlib import Path

import pika
import pytest

from proca_topo.apply.report import Status
from proca_topo.apply.run import apply_anew
from proca_topo.apply.waiting import wait_for_draining
from proca_topo.apply.watch import SILENT
from proca_topo.plan.changes import Delete, Replacing
from tests.apply.option import SPEC, queue_status, switch, write_spec
from tests.brokers.fixtures import TestBroker
from tests.live import desired_in, live_vhost, reject_next
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
def test_messages_that_wait_in_the_retry_queue_come_back_before_their_queue_goes(
    queue_type: str, folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """An option is switched off while three messages wait: they return, are read, and only then the queue goes."""
    write_spec(folder, queue_type)
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        with live.channel() as channel:
            for number in range(3):
                channel.basic_publish("in", f"acme.{number}", b"{}", mandatory=True)
            for _ in range(3):
                reject_next(channel, "acme.crm")
        switch(folder, on=False)
        status, reason = queue_status(live, folder)
        assert status is Status.DRAINING
        assert reason is not None
        assert "may still come to it" in reason or "messages in it" in reason
        with live.channel() as channel, pytest.raises(pika.exceptions.UnroutableError):
            channel.basic_publish("in", "acme.late", b"{}", mandatory=True)
        wait_until(lambda: live.ready("acme.crm") == 3, "the three messages have come back", seconds=60)
        status, reason = queue_status(live, folder)
        assert (status, reason) == (Status.DRAINING, "3 messages in it")
        with live.channel() as channel:
            bodies = [channel.basic_get("acme.crm", auto_ack=True)[2] for _ in range(3)]
        assert bodies == [b"{}"] * 3
        # RabbitMQ counts a quorum queue some seconds late.
        wait_until(
            lambda: queue_status(live, folder) == (Status.APPLIED, None), "the empty queue is gone", seconds=60
        )
        assert live.apply(desired_in(folder), with_prune=True).plan.changes == ()


def test_an_apply_that_waits_deletes_the_queue_once_its_messages_came_back_and_were_read(
    folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """One command: the option is off, a message waits in the retry queue, somebody reads what comes back."""
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        with live.channel() as channel:
            channel.basic_publish("in", "acme.1", b"{}", mandatory=True)
            reject_next(channel, "acme.crm")
            switch(folder, on=False)
            desired = desired_in(folder)
            again = partial(
                apply_anew,
                desired,
                live.broker,
                vhost,
                with_prune=True,
                watch=SILENT,
                replacing=Replacing.FINISHING,
            )
            first = again()
            read: list[bytes] = []

            def pause(seconds: float) -> None:
                time.sleep(seconds)
                method, _, body = channel.basic_get("acme.crm", auto_ack=True)
                read.extend([body] if method is not None and body is not None else [])

            report = wait_for_draining(first, again, patience_seconds=600, watch=SILENT, sleep=pause)
        assert first.counts()[Status.DRAINING] > 0
        assert read == [b"{}"]
        assert {result.status for result in report.results} == {Status.APPLIED}
        assert {type(result.change) for result in report.results} == {Delete}
        assert {binding.destination for binding in live.broker.read(vhost).bindings} == {"system.retry"}


def test_a_way_back_stays_for_one_org_too_while_a_message_waits_to_come_by_it(
    folder: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """The queue stays and has no dead-letter exchange; the application publishes to the fail exchange itself."""
    with live_vhost(broker_urls, vhost) as live:
        live.apply(desired_in(folder))
        plain = SPEC.replace(" TYPE", "").replace("retry: system, ", "").replace("default: false", "default: true")
        (folder / "topology.yaml").write_text(plain.replace("delay: 2s", "delay: 1h"))
        live.http.delete(f"/api/queues/{live.path}/system.retry").raise_for_status()
        live.http.delete(f"/api/queues/{live.path}/acme.crm").raise_for_status()
        live.apply(desired_in(folder))
        with live.channel() as channel:
            channel.queue_bind("acme.crm", "system.retry", "acme.crm")
            channel.basic_publish("system.fail", "acme.crm", b"{}", mandatory=True)
        report = live.apply(desired_in(folder, ("acme",)), with_prune=True)
        assert [(r.status, r.reason) for r in report.results] == [
            (Status.DRAINING, "1 message in system.retry may come back by it")
        ]
