"""What we take from what comes ourselves is what pika would deliver, however it is cut."""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import SelectConnection, frame, spec
from pika.channel import Channel
from pika.exceptions import InvalidFrameError

from proca_topo.broker.moving.incoming import Delivery, Incoming
from proca_topo.broker.moving.raw_properties import raw_properties
from tests.broker.unconnected import unconnected

FRAME_MAX: Final = 4096
FULL: Final = FRAME_MAX - 8
CONSUMER: Final = "ctag1.ü"
SMALL: Final = Delivery(7, redelivered=True, routing_key=b"key", properties=b"\0\0", body=b"body")


def encoded(delivery: Delivery, *, consumer: str = CONSUMER) -> bytes:
    """What a broker sends for it."""
    tag, redelivered, routing_key, properties, body = delivery
    deliver = spec.Basic.Deliver(consumer, tag, redelivered=redelivered, exchange="x" * 9, routing_key=routing_key)
    header = struct.pack(">HHQ", spec.BasicProperties.INDEX, 0, len(body)) + properties
    frames = [frame.Method(1, deliver).marshal(), framed(spec.FRAME_HEADER, header)]
    frames += [frame.Body(1, body[at : at + FULL]).marshal() for at in range(0, len(body), FULL)]
    return b"".join(frames)


def framed(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, 1, len(payload)) + payload + bytes([spec.FRAME_END])


deliveries = st.builds(
    Delivery,
    st.integers(1, 2**64 - 1),
    st.booleans(),
    st.binary(max_size=255),
    st.just(b"\0\0") | st.binary(max_size=40).map(lambda text: b"\x80\0" + bytes([len(text)]) + text),
    st.binary(max_size=40)
    | st.sampled_from([0, FULL - 1, FULL, FULL + 1, 3 * FULL]).map(lambda size: b"\xce" * size),
)
heartbeats = st.just(frame.Heartbeat().marshal())
counts = st.builds(
    lambda waiting: frame.Method(1, spec.Queue.DeclareOk("queue", waiting, 1)).marshal(), st.integers(0, 9)
)
to_others = deliveries.map(lambda delivery: encoded(delivery, consumer="ctag1.other"))
of_other_channels = st.just(frame.Method(2, spec.Channel.FlowOk()).marshal())
chunks = deliveries.map(encoded) | heartbeats | counts | to_others | of_other_channels


@dataclass
class Reader:
    """A channel with a consumer, on no socket, and what it was given: messages, and answers to what was asked."""

    connection: SelectConnection
    channel: Channel
    seen: list[object] = field(default_factory=list)

    def read(self, data: bytes) -> None:
        self.connection._on_data_available(data)  # noqa: SLF001

    def ask(self) -> None:
        """Wait for the next answer of queue.declare."""
        self.connection.callbacks.add("1", spec.Queue.DeclareOk, self._answered)

    def deliver(self, delivery: Delivery) -> None:
        key = delivery.routing_key
        self.seen.append(delivery._replace(routing_key=key if isinstance(key, bytes) else key.encode()))

    def delivered(self, _: Channel, method: spec.Basic.Deliver, properties: Any, body: bytes) -> None:
        self.deliver(
            Delivery(method.delivery_tag, method.redelivered, method.routing_key, properties.encoded, body)
        )

    def _answered(self, answer: Any) -> None:
        self.seen.append(answer.method.message_count)
        self.ask()


@contextmanager
def readers() -> Iterator[tuple[Reader, Incoming, Reader]]:
    """One that reads as we do, and one that reads as pika does."""
    with raw_properties():
        ours, pikas = reader(), reader()
        incoming = Incoming(ours.channel, ours.deliver)
        incoming.deliver_to(CONSUMER)
        yield ours, incoming, pikas


def reader() -> Reader:
    connection = unconnected(FRAME_MAX, lambda _: None)
    channel = Channel(connection, 1, lambda _: None)
    connection._channels[1] = channel  # noqa: SLF001
    made = Reader(connection=connection, channel=channel)
    channel._consumers[CONSUMER] = made.delivered  # noqa: SLF001
    made.ask()
    return made


def cut(data: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """Into pieces of these sizes, over and over."""
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)]
        yield data[at : at + size]
        at, turn = at + size, turn + 1


@given(
    parts=st.lists(chunks, min_size=1, max_size=12),
    sizes=st.lists(st.integers(1, 3 * FRAME_MAX), min_size=1, max_size=5),
)
def test_the_same_as_pika(parts: list[bytes], sizes: list[int]) -> None:
    with readers() as (ours, _, pikas):
        for piece in cut(b"".join(parts), sizes):
            ours.read(piece)
            pikas.read(piece)
        assert ours.seen == pikas.seen
        assert ours.connection.bytes_received == pikas.connection.bytes_received == sum(map(len, parts))


@pytest.mark.parametrize("size", range(1, 90))
def test_cut_anywhere(size: int) -> None:
    """Of two messages and what comes between them, each at once when its last byte is there."""
    second = Delivery(8, redelivered=False, routing_key=b"", properties=b"\x80\0\x01t", body=b"")
    parts = [encoded(SMALL), frame.Heartbeat().marshal(), encoded(second)]
    with readers() as (ours, _, _):
        for piece in cut(b"".join(parts), [size]):
            ours.read(piece)
        assert ours.seen == [SMALL, second]


def test_what_comes_in_one_piece_is_never_pikas() -> None:
    """Which here has no consumer to give it to. What it costs is in bench/RESULTS.md."""
    full, larger = SMALL._replace(body=bytes(FULL)), SMALL._replace(body=bytes(FULL + 1))
    with readers() as (ours, _, _):
        ours.channel._consumers.clear()  # noqa: SLF001
        ours.read(encoded(full) + encoded(larger))
        assert ours.seen == [full]


def test_what_pika_has_begun_to_read_is_read_on() -> None:
    data = encoded(SMALL)
    with raw_properties():
        one = reader()
        one.read(data[:20])
        Incoming(one.channel, one.deliver).deliver_to(CONSUMER)
        one.read(data[20:])
    assert one.seen == [SMALL]


def test_what_still_comes_to_a_consumer_that_is_cancelled_is_given_back() -> None:
    with readers() as (ours, incoming, _):
        given_back: list[int] = []
        ours.channel._cancelled.add(CONSUMER)  # noqa: SLF001
        ours.channel._state = Channel.OPEN  # noqa: SLF001
        ours.channel.basic_reject = given_back.append
        incoming.stop()
        ours.read(encoded(SMALL))
        assert (ours.seen, given_back) == ([], [SMALL.tag])


@pytest.mark.parametrize("which", ["method", "header", "body"])
def test_a_frame_that_does_not_end_as_it_should_ends_the_connection(which: str) -> None:
    """As pika has it: nothing is delivered of what may be cut wrongly."""
    lengths = [len(part) for part in _frames()]
    at = sum(lengths[: ["method", "header", "body"].index(which) + 1]) - 1
    data = bytearray(b"".join(_frames()))
    data[at] = 0
    with readers() as (ours, _, _):
        with pytest.raises(InvalidFrameError):
            ours.read(bytes(data))
        assert ours.seen == []


def _frames() -> list[bytes]:
    whole = encoded(SMALL)
    ends = [at + 1 for at, byte in enumerate(whole) if byte == spec.FRAME_END]
    return [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
