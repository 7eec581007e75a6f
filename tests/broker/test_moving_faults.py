"""A move under which the broker, or a queue of it, has no time or goes away loses nothing."""

import threading
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from proca_topo.broker.moving import transfer
from proca_topo.broker.moving.move import move
from proca_topo.errors import BrokerError, UnreachableError
from tests.broker.proxy import proxy
from tests.broker.test_moving_ends import COUNT, move_until
from tests.broker.tracks import QUORUM, SOURCE, TARGET, Tracks
from tests.brokers.alarms import raise_alarm
from tests.brokers.fixtures import NodeFactory
from tests.brokers.leaders import resume, suspend
from tests.brokers.written import write_down

pytestmark = [pytest.mark.broker, pytest.mark.usefixtures("time_to_finish")]


def test_an_alarm_while_messages_are_moved(
    tracks: Tracks, node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Told after a while; what was confirmed by then is moved, and each message is there once.

    RabbitMQ reads nothing from a connection that has published, its end neither, until the alarm is over.
    """
    node = node_factory()
    there = tracks.on(node)
    there.lay()
    there.fill(COUNT)
    with pytest.raises(UnreachableError, match="a memory or disk alarm"):
        move_until(there, lambda: raise_alarm(node))
    left = there.take(SOURCE, monkeypatch)
    moved = there.numbers(TARGET, monkeypatch)
    assert moved == list(range(len(moved)))
    assert sorted({*moved, *(int(one.body) for one in left)}) == list(range(COUNT))
    node.control("set_vm_memory_high_watermark", "0.4")
    assert there.connections() == []
    there.http.close()


def test_a_node_that_goes_away(tracks: Tracks, node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has everything once it is back."""
    node = node_factory()
    there = tracks.on(node)
    there.lay()
    there.fill(COUNT)
    write_down(node)
    with pytest.raises(UnreachableError, match="was lost"):
        move_until(there, node.kill)
    node.run()
    moved, left = there.numbers(TARGET, monkeypatch), there.numbers(SOURCE, monkeypatch)
    assert moved == list(range(len(moved)))
    assert sorted({*moved, *left}) == list(range(COUNT))
    there.http.close()


def test_a_broker_that_goes_silent(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for without end, and its connections are given up."""
    tracks.lay()
    tracks.fill(COUNT)
    with proxy(tracks.where.amqp_url or "") as way:
        url = (tracks.where.amqp_url or "").replace(f":{urlsplit(tracks.where.amqp_url).port}", f":{way.port}")
        through = replace(tracks, where=replace(tracks.where, amqp_url=url))

        def fall_silent() -> None:
            way.fall_silent()
            # Not before: a broker that is slow to begin with is not what is meant.
            for patience in ("_STALL_SECONDS", "_FINISH_SECONDS"):
                monkeypatch.setattr(transfer, patience, 1.0)

        with pytest.raises(BrokerError, match="neither delivered a message of source nor confirmed one"):
            move_until(through, fall_silent)
        assert way.wait_for_ends(2)
    assert tracks.connections() == []
    moved, left = tracks.numbers(TARGET, monkeypatch), tracks.numbers(SOURCE, monkeypatch)
    assert moved == list(range(len(moved)))
    assert sorted({*moved, *left}) == list(range(COUNT))


@pytest.mark.parametrize("tracks", [QUORUM], indirect=True)
@pytest.mark.parametrize("delete_source", [False, True])
def test_a_queue_that_does_not_answer_is_not_taken_for_empty(
    tracks: Tracks, node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch, *, delete_source: bool
) -> None:
    """Of a quorum queue RabbitMQ then says that it has nothing, and would delete it with all that is in it."""
    node = node_factory()
    there = tracks.on(node)
    there.lay()
    there.fill(COUNT)
    resuming = threading.Thread(target=resume, args=(node, there.vhost, SOURCE))
    told: list[int] = []

    def progress(count: int) -> None:
        told.append(count)
        if len(told) == 1:
            suspend(node, there.vhost, SOURCE)
            resuming.start()

    moved = move(there.where, there.vhost, there.order(delete_source=delete_source), progress=progress)
    resuming.join()
    assert (moved.messages, moved.deleted) == (COUNT, delete_source)
    assert there.numbers(TARGET, monkeypatch) == list(range(COUNT))
    there.http.close()
