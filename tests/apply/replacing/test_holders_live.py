"""A quorum queue goes only once nobody else holds a message of it, which is known at once where nobody does."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.apply.replacing import draining
from proca_topo.apply.replacing.draining import Draining
from proca_topo.apply.replacing.settling import Settling
from proca_topo.apply.report import Status
from proca_topo.broker.moving import relay
from tests.apply.replacing.work_queue import apply, publish, queues, statuses, taken, write
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory
from tests.brokers.leaders import resume, suspend
from tests.live import Live, live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

WORK: Final = "work"
MESSAGES: Final = range(4)
# More than are on their way to us at once.
LATE: Final = range(4, 34)


@pytest.fixture
def changed(live: Live, tmp_path: Path) -> Path:
    """The spec of a quorum queue that is there, with another limit."""
    write(tmp_path, ", type: quorum")
    apply(live, tmp_path)
    write(tmp_path, ", type: quorum, max-length: 5000")
    return tmp_path


def test_nothing_is_waited_for_where_nobody_else_has_any(
    live: Live, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ's API would count it seconds later."""
    publish(live, MESSAGES)
    with monkeypatch.context() as patched:
        patched.delattr(Draining, "_wait_for_others")
        assert statuses(apply(live, changed)) == {Status.APPLIED}
    assert taken(live) == [*MESSAGES]


def test_what_a_late_consumer_holds_keeps_the_queue(
    live: Live, changed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can be kept out of a quorum queue that is emptied. What comes to its name may go there."""
    publish(live, MESSAGES)
    with intruding(live, monkeypatch) as held:
        [result] = apply(live, changed).results
        assert held
    assert result.status is Status.FAILED
    assert "of the messages in work are held unacknowledged by a client" in (result.reason or "")
    assert statuses(apply(live, changed)) == {Status.APPLIED}
    assert queues(live) == {WORK: {"x-max-length": 5000}}
    assert sorted(set(taken(live))) == [*MESSAGES, *LATE]


def test_nothing_is_deleted_that_does_not_answer(
    tmp_path: Path, node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether anybody holds a message of it RabbitMQ told the last time that the queue had time."""
    node = node_factory()
    wait = Settling.wait

    def fall_silent(settling: Settling, came: int) -> None:
        suspend(node, "/", WORK)
        wait(settling, came)

    with live_vhost(as_broker(node), "/") as there:
        write(tmp_path, ", type: quorum")
        apply(there, tmp_path)
        publish(there, MESSAGES)
        write(tmp_path, ", type: quorum, max-length: 5000")
        with monkeypatch.context() as patched:
            patched.setattr(Settling, "wait", fall_silent)
            patched.setattr(draining, "_ACKNOWLEDGE_SECONDS", 0)
            [result] = apply(there, tmp_path).results
        assert result.status is Status.FAILED
        assert "RabbitMQ does not tell what is in work at this moment" in (result.reason or "")
        resume(node, "/", WORK)
        assert statuses(apply(there, tmp_path)) == {Status.APPLIED}
        assert taken(there) == [*MESSAGES]


@contextmanager
def intruding(live: Live, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Once the queue is empty, a client consumes from it, cancels, and keeps what it has got by then."""
    held: list[int] = []
    with live.channel() as channel, monkeypatch.context() as patched:
        wait = Settling.wait

        def intrude(settling: Settling, came: int) -> None:
            if not held:
                _consume(channel, held)
            wait(settling, came)

        patched.setattr(Settling, "wait", intrude)
        patched.setattr(draining, "_ACKNOWLEDGE_SECONDS", 0)
        patched.setattr(relay, "_PREFETCH", 10)
        yield held


def _consume(channel: BlockingChannel, held: list[int]) -> None:
    tag = channel.basic_consume(WORK, lambda _channel, _method, _properties, body: held.append(int(body)))
    persistent = pika.BasicProperties(delivery_mode=2)
    for number in LATE:
        channel.basic_publish("", WORK, str(number).encode(), persistent, mandatory=True)
    wait_until(lambda: channel.connection.process_data_events() or held, "it is given some of them", seconds=60)
    channel.basic_cancel(tag)
