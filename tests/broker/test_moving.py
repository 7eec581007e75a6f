"""Messages are moved from one queue to another: all of them, in their order, or as many as were asked for."""

import threading
from contextlib import nullcontext

import pytest

from proca_topo.broker.moving.move import Leaving, move
from proca_topo.errors import InUseError
from tests.broker.tracks import BACK, QUORUM, SOURCE, TARGET, Tracks

pytestmark = pytest.mark.broker


def test_all_messages_are_moved_in_their_order(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the queue stays; progress adds up to their number, and no connection is left."""
    tracks.lay()
    tracks.fill(3_000)
    told: list[int] = []
    moved = move(tracks.where, tracks.vhost, tracks.order(), progress=told.append)
    assert (moved.messages, moved.deleted, sum(told)) == (3_000, False, 3_000)
    assert tracks.connections() == []
    assert tracks.numbers(SOURCE, monkeypatch) == []
    assert tracks.numbers(TARGET, monkeypatch) == list(range(3_000))


def test_an_empty_queue_is_nothing_to_move(tracks: Tracks) -> None:
    tracks.lay()
    assert tracks.move().messages == 0


@pytest.mark.parametrize("at_most", [0, 1, 7, 999, 1_000, 1_001, 1_050, 2_345])
def test_as_many_as_asked_for_and_the_rest_is_as_it_was(
    at_most: int, tracks: Tracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its order, and nothing of it was ever delivered."""
    tracks.lay()
    tracks.fill(3_000)
    assert tracks.move(at_most=at_most).messages == at_most
    left = tracks.take(SOURCE, monkeypatch)
    assert [int(message.body) for message in left] == list(range(at_most, 3_000))
    assert not any(message.redelivered for message in left)
    assert tracks.numbers(TARGET, monkeypatch) == list(range(at_most))


def test_fewer_than_asked_for(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks.lay()
    tracks.fill(1_500)
    assert tracks.move(at_most=2_000).messages == 1_500
    assert tracks.numbers(TARGET, monkeypatch) == list(range(1_500))


def test_as_many_as_asked_for_of_a_live_queue(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """What arrives meanwhile stays behind what was there."""
    tracks.lay()
    tracks.fill(1_500)
    arriving = threading.Thread(target=tracks.fill, args=(3_000,), kwargs={"first": 1_500})
    arriving.start()
    moved = tracks.move(at_most=1_400)
    arriving.join()
    assert moved.messages == 1_400
    assert tracks.numbers(TARGET, monkeypatch) == list(range(1_400))
    assert tracks.numbers(SOURCE, monkeypatch) == list(range(1_400, 4_500))


def test_bodies_of_all_sizes(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """None at all, one that fills a frame to the byte, several MiB, and thousands of small ones."""
    tracks.lay()
    frame = 131_072 - 8
    sizes = [0, 1, frame - 1, frame, frame + 1, 3 * frame, 5 * 1024 * 1024]
    sizes += [number % 97 * (50 if number % 10 else 500) for number in range(5_000)]
    bodies = [number.to_bytes(4, "big") * (size // 4) + b"x" * (size % 4) for number, size in enumerate(sizes)]
    tracks.publish(bodies)
    assert tracks.move().messages == len(bodies)
    assert [message.body for message in tracks.take(TARGET, monkeypatch)] == bodies


def test_a_queue_that_somebody_consumes_from_is_left_alone(
    tracks: Tracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracks.lay()
    tracks.fill(10)
    with tracks.channel() as channel:
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(SOURCE, lambda *_: None)
        with pytest.raises(InUseError, match="somebody consumes from source"):
            tracks.move()
        assert tracks.connections() == []
    assert tracks.numbers(TARGET, monkeypatch) == []
    # The other one had the first.
    assert sorted(tracks.numbers(SOURCE, monkeypatch)) == list(range(10))


def test_a_queue_that_somebody_has_for_himself_is_left_alone(tracks: Tracks) -> None:
    tracks.lay()
    with tracks.channel() as channel:
        channel.basic_consume(SOURCE, lambda *_: None, exclusive=True)
        with pytest.raises(InUseError):
            tracks.move()


def test_a_consumer_that_comes_meanwhile(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends the move from a classic queue that lets it in, as is needed for x-single-active-consumer. A quorum
    queue keeps nobody out; there it gets nothing of what still comes.
    """
    tracks.lay()
    tracks.fill(10)
    got: list[bytes] = []
    is_quorum = tracks.kind == QUORUM
    with tracks.channel() as channel:

        def intrude(_came: int) -> None:
            channel.basic_consume(SOURCE, lambda *delivery: got.append(delivery[-1]))
            tracks.fill(10, first=10)

        order = tracks.order(exclusive=is_quorum, delete_source=True)
        with nullcontext() if is_quorum else pytest.raises(InUseError):
            move(tracks.where, tracks.vhost, order, progress=lambda _: None, idle=intrude)
        assert tracks.connections() == []
        channel.connection.process_data_events(0.2)
    moved = tracks.numbers(TARGET, monkeypatch)
    assert moved[:10] == list(range(10))
    if is_quorum:
        assert got == []
        assert moved[10:] == list(range(10, 20))


def test_the_empty_queue_is_deleted(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks.lay()
    tracks.fill(1_234)
    moved = tracks.move(delete_source=True)
    assert (moved.messages, moved.deleted) == (1_234, True)
    assert SOURCE not in {one["name"] for one in tracks.http.get(f"/api/queues/{tracks.vhost}").json()}
    assert tracks.numbers(TARGET, monkeypatch) == list(range(1_234))


def test_what_comes_before_the_deletion_is_moved(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the source is empty somebody publishes to it by its name. A classic queue then is looked at anew."""
    tracks.lay()
    tracks.fill(10)
    told: list[int] = []

    def publish(came: int) -> None:
        if len(told) < 3:
            tracks.fill(5, first=10 + 5 * len(told))
        told.append(came)

    order = tracks.order(delete_source=True)
    moved = move(tracks.where, tracks.vhost, order, progress=lambda _: None, idle=publish)
    assert moved.deleted
    assert told == ([10] if tracks.kind == QUORUM else [10, 5, 5, 5])
    expected = 15 if tracks.kind == QUORUM else 25
    assert moved.messages == expected
    assert tracks.numbers(TARGET, monkeypatch) == list(range(expected))


def test_a_queue_that_is_empty_from_the_start_is_said_to_be(tracks: Tracks) -> None:
    """So that nobody waits for long before it goes."""
    tracks.lay()
    told: list[int] = []
    moved = move(
        tracks.where, tracks.vhost, tracks.order(delete_source=True), progress=lambda _: None, idle=told.append
    )
    assert (moved.messages, moved.deleted, told) == (0, True, [0])


def test_what_comes_all_the_time_is_moved_and_the_queue_goes_in_the_end(
    tracks: Tracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Consumers come and go by that, and each message is moved once."""
    tracks.lay()
    stop = threading.Event()

    def trickle() -> None:
        with tracks.channel() as channel:
            channel.confirm_delivery()
            number = 0
            while not stop.is_set() and number < 2_000:
                channel.basic_publish("", SOURCE, str(number).encode())
                number += 1

    trickling = threading.Thread(target=trickle)
    trickling.start()

    def idle(_came: int) -> None:
        stop.set()
        trickling.join()

    moved = move(tracks.where, tracks.vhost, tracks.order(delete_source=True), progress=lambda _: None, idle=idle)
    assert moved.deleted
    assert tracks.numbers(TARGET, monkeypatch) == list(range(moved.messages))


def test_there_and_back(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    tracks.lay()
    tracks.fill(2_000)
    tracks.move()
    tracks.move(source=TARGET, exchange=BACK, leaving=Leaving.UNPARK, delete_source=True)
    assert tracks.numbers(SOURCE, monkeypatch) == list(range(2_000))
