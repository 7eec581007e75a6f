"""A move that cannot go on loses nothing, and leaves no connection."""

import threading
from collections.abc import Callable
from itertools import chain

import pika
import pytest

from proca_topo.apply.watch import StopRequestedError
from proca_topo.broker.moving import transfer
from proca_topo.broker.moving.move import Moved, move
from proca_topo.errors import BrokerError, UnroutableError
from tests.broker.raw import Raw
from tests.broker.tracks import PRIVATE, SOURCE, TARGET, Tracks

pytestmark = [pytest.mark.broker, pytest.mark.usefixtures("time_to_finish")]

COUNT = 8_000


def move_until(tracks: Tracks, then: Callable[[], object]) -> Moved:
    """Move, and do that once the first messages are moved, while many more wait."""
    told: list[int] = []

    def progress(count: int) -> None:
        told.append(count)
        if len(told) == 1:
            then()

    return move(tracks.where, tracks.vhost, tracks.order(), progress=progress)


def stop(*_: object) -> None:
    raise StopRequestedError


def test_whoever_stops_it_finds_each_message_once(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order, and none that is left was ever delivered."""
    tracks.lay()
    tracks.fill(COUNT)
    with pytest.raises(StopRequestedError):
        move_until(tracks, stop)
    assert tracks.connections() == []
    left = tracks.take(SOURCE, monkeypatch)
    assert tracks.numbers(TARGET, monkeypatch) + [int(one.body) for one in left] == list(range(COUNT))
    assert len(left) > 0
    assert not any(message.redelivered for message in left)


def test_ctrl_c_in_the_middle_loses_nothing(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was on its way some may be there twice."""
    tracks.lay()
    tracks.fill(COUNT)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move_until(tracks, interrupt)
    assert tracks.connections() == []
    moved, left = tracks.numbers(TARGET, monkeypatch), tracks.numbers(SOURCE, monkeypatch)
    assert moved == list(range(len(moved)))
    assert sorted({*moved, *left}) == list(range(COUNT))


def test_what_idle_raises_ends_it_once_all_is_moved(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks.lay()
    tracks.fill(500)
    with pytest.raises(StopRequestedError):
        move(tracks.where, tracks.vhost, tracks.order(delete_source=True), progress=lambda _: None, idle=stop)
    assert tracks.connections() == []
    assert tracks.numbers(TARGET, monkeypatch) == list(range(500))
    assert tracks.numbers(SOURCE, monkeypatch) == []


def test_messages_that_come_without_an_end(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are published straight to the name of the source, faster than it can be seen empty."""
    # As long as there certainly is more of what came meanwhile, whatever pauses RabbitMQ has the publishers make.
    monkeypatch.setattr(transfer, "_OVERTIME_SECONDS", 0.1)
    tracks.lay()
    tracks.fill(COUNT)
    published: dict[int, range] = {}
    ended = threading.Event()

    def publish(first: int) -> None:
        number = first
        with tracks.channel() as channel:
            while not ended.is_set() and number < first + 200_000:
                channel.basic_publish("", SOURCE, b"%d" % number)
                number += 1
            # Without an answer to wait for, a quorum queue may take the last ones long after the connection ended.
            channel.confirm_delivery()
            channel.basic_publish("", SOURCE, b"%d" % number)
        published[first] = range(first, number + 1)

    publishers = [threading.Thread(target=publish, args=(first,)) for first in (1_000_000, 2_000_000)]
    for publisher in publishers:
        publisher.start()
    try:
        with pytest.raises(BrokerError, match="keep coming to source faster than it can be emptied"):
            tracks.move(delete_source=True)
    finally:
        ended.set()
        for publisher in publishers:
            publisher.join()
    moved, left = tracks.numbers(TARGET, monkeypatch), tracks.numbers(SOURCE, monkeypatch)
    assert moved[:COUNT] == list(range(COUNT))
    assert len(published) == len(publishers)
    meanwhile = chain.from_iterable(published.values())
    assert sorted(moved + left) == [*range(COUNT), *sorted(meanwhile)]


def test_a_full_target(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it took is in it, what it rejected is in the source, and nothing is in both."""
    tracks.lay(**{"x-max-length": 700, "x-overflow": "reject-publish"})
    tracks.fill(3_000)
    with pytest.raises(BrokerError, match="rejects them: it is full"):
        tracks.move()
    assert tracks.connections() == []
    moved, left = tracks.numbers(TARGET, monkeypatch), tracks.numbers(SOURCE, monkeypatch)
    assert len(moved) >= 700
    assert len(left) > 0
    assert sorted(moved + left) == list(range(3_000))
    assert left == sorted(left)


def test_a_message_whose_headers_fit_into_no_frame_any_more(
    tracks: Tracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is before it is moved, once, and it stays at the head of the source; the rest is moved without it."""
    tracks.lay()
    tracks.fill(50)
    with tracks.channel() as channel:
        channel.confirm_delivery()
        # Parked, it has its expiration as one more header.
        large = pika.BasicProperties(headers={"h": "x" * 131_025}, expiration="3600000", delivery_mode=2)
        channel.basic_publish("", SOURCE, b"50", large)
    tracks.fill(50, first=51)
    with pytest.raises(BrokerError, match=r"next message of source need a frame of \d+ bytes"):
        tracks.move()
    assert tracks.connections() == []
    assert tracks.numbers(TARGET, monkeypatch) == list(range(50))
    with tracks.channel() as channel:
        _, _, body = channel.basic_get(SOURCE, auto_ack=True)
    assert body == b"50"
    assert tracks.move().messages == 50
    assert tracks.numbers(TARGET, monkeypatch) == list(range(51, 101))


def test_an_exchange_that_leads_nowhere(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks.lay()
    tracks.fill(100)
    Raw(http=tracks.http, vhost=tracks.vhost).put("exchanges", "nowhere", type="fanout", durable=True)
    with pytest.raises(UnroutableError, match="leads nowhere any more"):
        tracks.move(exchange="nowhere")
    assert tracks.connections() == []
    assert tracks.numbers(SOURCE, monkeypatch) == list(range(100))


def test_a_target_that_is_unbound_meanwhile(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what was on its way some may be there twice."""
    tracks.lay()
    tracks.fill(COUNT)

    def unbind() -> None:
        path = f"/api/bindings/{tracks.vhost}/e/{PRIVATE}/q/{TARGET}/~"
        tracks.http.delete(path).raise_for_status()

    with pytest.raises(UnroutableError):
        move_until(tracks, unbind)
    assert tracks.connections() == []
    moved, left = tracks.numbers(TARGET, monkeypatch), tracks.numbers(SOURCE, monkeypatch)
    assert moved == list(range(len(moved)))
    assert sorted({*moved, *left}) == list(range(COUNT))


def test_an_exchange_that_is_not_there(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks.lay()
    tracks.fill(100)
    with pytest.raises(BrokerError, match="the exchange nope, to move messages through, is gone"):
        tracks.move(exchange="nope")
    assert tracks.connections() == []
    assert tracks.numbers(SOURCE, monkeypatch) == list(range(100))


def test_a_source_that_is_not_there(tracks: Tracks) -> None:
    tracks.lay()
    with pytest.raises(BrokerError, match="nope is gone"):
        tracks.move(source="nope")
    assert tracks.connections() == []


def test_a_source_that_is_deleted_meanwhile(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it had delivered by then is moved."""
    tracks.lay()
    tracks.fill(COUNT)
    with pytest.raises(BrokerError, match="source was deleted, or its node went down"):
        move_until(tracks, lambda: tracks.http.delete(f"/api/queues/{tracks.vhost}/{SOURCE}").raise_for_status())
    assert tracks.connections() == []
    moved = tracks.numbers(TARGET, monkeypatch)
    assert moved == list(range(len(moved)))
    assert len(moved) > 0


def test_a_user_who_may_not_read_the_source(tracks: Tracks) -> None:
    tracks.lay()
    nothing = {"configure": "", "write": ".*", "read": "nothing"}
    tracks.http.put(f"/api/permissions/{tracks.vhost}/guest", json=nothing).raise_for_status()
    with pytest.raises(BrokerError, match="the broker refused to move the messages of source"):
        tracks.move()
    assert tracks.connections() == []
