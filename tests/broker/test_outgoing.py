"""What we encode ourselves is what pika would send, byte for byte."""

from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pika import BasicProperties, SelectConnection, spec
from pika.channel import Channel

from proca_topo.broker.moving.outgoing import Outgoing
from tests.broker.unconnected import unconnected

CHANNEL: Final = 7
FRAME_MAX: Final = 4096
FULL: Final = FRAME_MAX - 8

texts = st.text(max_size=63)
properties = st.builds(
    BasicProperties,
    content_type=st.none() | texts,
    content_encoding=st.none() | texts,
    headers=st.none()
    | st.dictionaries(texts, texts | st.integers(-(2**63), 2**63 - 1) | st.booleans() | st.none()),
    delivery_mode=st.none() | st.sampled_from([1, 2]),
    priority=st.none() | st.integers(0, 255),
    correlation_id=st.none() | texts,
    reply_to=st.none() | texts,
    expiration=st.none() | st.integers(0, 2**32).map(str),
    message_id=st.none() | texts,
    timestamp=st.none() | st.integers(0, 2**63),
    type=st.none() | texts,
    user_id=st.none() | texts,
    app_id=st.none() | texts,
    cluster_id=st.none() | texts,
)
sizes = st.sampled_from([0, 1, FULL - 1, FULL, FULL + 1, 2 * FULL, 2 * FULL + 1, 50 * FULL + 17])
bodies = st.binary(max_size=64) | st.tuples(st.binary(min_size=1, max_size=9), sizes).map(
    lambda drawn: (drawn[0] * drawn[1])[: drawn[1]]
)


@dataclass
class Sent:
    """What a connection of pika's would have written to its socket."""

    connection: SelectConnection
    chunks: list[bytes]

    def take(self) -> bytes:
        """All since the last time."""
        taken = b"".join(self.chunks)
        self.chunks.clear()
        return taken


@pytest.fixture(scope="module")
def sent() -> Sent:
    """A connection that has agreed on the size of its frames, on no socket."""
    chunks: list[bytes] = []
    seen = Sent(unconnected(FRAME_MAX, chunks.append), chunks)
    seen.take()
    return seen


def as_pika(sent: Sent, exchange: str, routing_key: Any, properties: BasicProperties, body: bytes) -> bytes:
    publish = spec.Basic.Publish(exchange=exchange, routing_key=routing_key, mandatory=True)
    sent.connection._send_message(CHANNEL, publish, (properties, body))  # noqa: SLF001
    return sent.take()


@given(exchange=texts, routing_key=texts, properties=properties, body=bodies)
def test_the_same_as_pika(
    exchange: str, routing_key: str, properties: BasicProperties, body: bytes, sent: Sent
) -> None:
    outgoing = Outgoing(Channel(sent.connection, CHANNEL, lambda _: None), exchange)
    outgoing.publish(routing_key, b"".join(properties.encode()), body)
    assert sent.take() == as_pika(sent, exchange, routing_key, properties, body)


@pytest.mark.parametrize("routing_key", ["", "ü" * 127 + "x", b"\xff\xfe", b"\x80" * 255])
def test_routing_keys_of_every_length_and_such_that_are_no_text(routing_key: str | bytes, sent: Sent) -> None:
    outgoing = Outgoing(Channel(sent.connection, CHANNEL, lambda _: None), "e" * 255)
    outgoing.publish(routing_key, b"\0\0", b"body")
    assert sent.take() == as_pika(sent, "e" * 255, routing_key, BasicProperties(), b"body")


def test_no_piece_is_longer_than_the_three_frames_of_a_small_message(sent: Sent) -> None:
    """A socket takes a part of a piece, and pika then copies the rest: of a large body that would be much."""
    outgoing = Outgoing(Channel(sent.connection, CHANNEL, lambda _: None), "x")
    outgoing.publish("key", b"\0\0", bytes(100 * FULL))
    assert len(sent.chunks) == 100
    assert max(map(len, sent.chunks)) < FRAME_MAX + 100
    sent.take()
