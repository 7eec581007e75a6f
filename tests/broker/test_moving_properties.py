"""What a message says besides its body comes out of a move as it went in, byte for byte."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import pika
import pytest
from pika import spec

from proca_topo.broker.moving.inspecting import inspect
from proca_topo.errors import BrokerError
from tests.broker.raw import Raw
from tests.broker.tracks import SOURCE, TARGET, Encoded, Message, Tracks
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

FANOUT: Final = "twice"
TWIN: Final = "twin"


def short(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def long(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


def table(**entries: bytes) -> bytes:
    return long(b"".join(short(name.encode()) + value for name, value in entries.items()))


# Every type that RabbitMQ knows, with the values at the ends of its range.
HEADERS: Final = {
    "bool": b"t\x01",
    "no": b"t\x00",
    "int8": b"b\x80",
    "uint8": b"B\xff",
    "int16": struct.pack(">ch", b"s", -32768),
    "uint16": struct.pack(">cH", b"u", 65535),
    "int32": struct.pack(">ci", b"I", -(2**31)),
    "uint32": struct.pack(">cI", b"i", 2**32 - 1),
    "int64": struct.pack(">cq", b"l", -(2**63)),
    "small int64": struct.pack(">cq", b"l", 1),
    "float": struct.pack(">cf", b"f", 1.5),
    "double": struct.pack(">cd", b"d", 3.14159),
    "decimal": struct.pack(">cBI", b"D", 2, 1250),
    "text": b"S" + long("ümlaut".encode()),
    "no text": b"S" + long(b"\xff\xfe\x00"),
    "bytes": b"x" + long(bytes(range(256))),
    "time": struct.pack(">cQ", b"T", 1_700_000_000),
    "far time": struct.pack(">cQ", b"T", 1_700_000_000_000),
    "nothing": b"V",
    "array": b"A" + long(b"V" + b"t\x01" + struct.pack(">cd", b"d", 0.5) + b"F" + table(a=b"V")),
    "table": b"F" + table(deep=b"F" + table(deeper=b"A" + long(b""), half=struct.pack(">cf", b"f", 0.5))),
    "": b"S" + long(b"no name"),
}
ALL_HEADERS: Final = table(**HEADERS)
SORTED_HEADERS: Final = table(**dict(sorted(HEADERS.items())))

# In the order of AMQP, with their flags: all properties that there are.
ALL: Final = (
    b"\xff\xfc"
    + short(b"text/plain")
    + short(b"gzip")
    + ALL_HEADERS
    + b"\x02"
    + b"\x09"
    + short(b"correlation")
    + short(b"reply.to")
    + short(b"3600000")
    + short(b"message id")
    + struct.pack(">Q", 2**63)
    + short(b"type")
    + short(b"guest")
    + short(b"app")
    + short(b"cluster")
)

PROPERTIES: Final = {
    "none": b"\x00\x00",
    "all": ALL,
    "headers alone": b"\x20\x00" + ALL_HEADERS,
    "no headers in the table": b"\x20\x00" + table(),
    "persistent": b"\x10\x00\x02",
    "transient": b"\x10\x00\x01",
    "expiration alone": b"\x01\x00" + short(b"3600000"),
    "expiration and headers": b"\x21\x00" + ALL_HEADERS + short(b"3600000"),
    "no text as an id": b"\x04\x80" + short(b"\xff\x00\xfe") + short(b"\x80"),
    "our own user": b"\x00\x10" + short(b"guest"),
    "headers of a quorum queue that are a client's": b"\x20\x00"
    + table(**{"x-acquired-count": b"t\x01", "x-delivery-count": struct.pack(">cq", b"l", 7), "x-other": b"V"}),
    "x-death that a client has made": b"\x20\x00"
    + table(
        **{
            "x-death": b"A"
            + long(b"F" + table(count=struct.pack(">cq", b"l", 3), queue=b"S" + long(b"elsewhere")))
        }
    ),
    "carbon copy": b"\x20\x00" + table(CC=b"A" + long(b"S" + long(b"copies"))),
    "blind carbon copy": b"\x20\x00" + table(BCC=b"A" + long(b"S" + long(b"copies")), more=b"V"),
}


@pytest.fixture(autouse=True)
def _encoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pika itself cannot read all of these messages."""
    monkeypatch.setitem(spec.props, spec.BasicProperties.INDEX, Encoded)


def lay(tracks: Tracks) -> Raw:
    """With a twin of the source: what is published to both shows how a message is that was not moved."""
    tracks.lay()
    raw = Raw(http=tracks.http, vhost=tracks.vhost)
    raw.put("exchanges", FANOUT, type="topic", durable=True)
    raw.put("queues", TWIN, durable=True, arguments={"x-queue-type": tracks.kind})
    raw.put("queues", "copies", durable=True)
    raw.bind(FANOUT, "copies", "copies")
    for queue in (SOURCE, TWIN):
        raw.bind(FANOUT, queue, "#")
    return raw


def publish(tracks: Tracks, properties: Sequence[bytes], *, user: str = "guest") -> None:
    with tracks.channel(user=user) as channel:
        channel.confirm_delivery()
        for encoded in properties:
            channel.basic_publish(FANOUT, "a.ü.key", b"body", Encoded(encoded), mandatory=True)


def shown(message: Message) -> tuple[str, bytes, bytes]:
    return message.routing_key, message.properties, message.body


def as_published(message: Message) -> bytes:
    """RabbitMQ 4.x puts all headers into the order of the alphabet, 3.10 where it adds some."""
    return message.properties.replace(SORTED_HEADERS, ALL_HEADERS)


@pytest.mark.parametrize("name", PROPERTIES)
def test_parked_and_brought_back_a_message_is_the_same(
    name: str, tracks: Tracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same bytes as those of a message that was not moved; and no copy of it goes anywhere else."""
    lay(tracks)
    publish(tracks, [PROPERTIES[name]])
    [unmoved] = tracks.take(TWIN, monkeypatch)
    copies = len(tracks.take("copies", monkeypatch))
    tracks.there_and_back()
    [moved] = tracks.take(SOURCE, monkeypatch)
    assert shown(moved) == shown(unmoved)
    if not name.endswith("carbon copy"):
        assert as_published(moved) == PROPERTIES[name]
    assert tracks.take("copies", monkeypatch) == []
    assert copies == name.endswith("carbon copy")


def test_the_management_api_sees_the_same(tracks: Tracks) -> None:
    lay(tracks)
    publish(tracks, [ALL])

    def seen(queue: str) -> Any:
        ask = {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"}
        path = f"/api/queues/{tracks.vhost}/{queue}/get"
        [message] = tracks.http.post(path, json=ask).raise_for_status().json()
        return message["properties"], message["payload"]

    tracks.there_and_back()
    properties, payload = seen(SOURCE)
    assert (properties, payload) == seen(TWIN)
    assert properties["headers"]["float"] == 1.5
    assert properties["headers"]["int64"] == -(2**63)


def test_a_parked_message_does_not_expire(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its expiration is among its headers until it is brought back."""
    lay(tracks)
    publish(tracks, [PROPERTIES["expiration alone"]])
    tracks.move()
    [parked] = tracks.take(TARGET, monkeypatch)
    assert parked.properties == b"\x20\x00" + table(**{"x-proca-topo-expiration": b"S" + long(b"3600000")})


def test_what_a_quorum_queue_adds_is_taken_off(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was given back has been delivered before; its count is not part of the message."""
    lay(tracks)
    names = ["none", "all", "headers alone", "our own user"]
    publish(tracks, [PROPERTIES[name] for name in names])
    with tracks.channel() as channel:
        for method, _, _ in channel.consume(SOURCE):
            channel.basic_nack(method.delivery_tag, requeue=True)
            if method.delivery_tag == len(names):
                break
    tracks.wait_until_let_go(SOURCE, len(names))
    tracks.there_and_back()
    moved = tracks.take(SOURCE, monkeypatch)
    assert sorted(map(as_published, moved)) == sorted(PROPERTIES[name] for name in names)


def test_x_death_stays(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two queues have rejected the message: a list of two tables with times in them."""
    raw = lay(tracks)
    for queue, exchange in (("first", ""), ("second", FANOUT)):
        letters = {"x-dead-letter-exchange": exchange, "x-dead-letter-routing-key": "second"}
        raw.put("queues", queue, durable=True, arguments=letters)
    with tracks.channel() as channel:
        channel.basic_publish("", "first", b"body", Encoded(PROPERTIES["headers alone"]))
        for queue in ("first", "second"):
            method, _, _ = next(iter(channel.consume(queue)))
            channel.basic_reject(method.delivery_tag, requeue=False)
            channel.cancel()
        wait_until(
            lambda: all(
                channel.queue_declare(one, passive=True).method.message_count == 1 for one in (TWIN, SOURCE)
            ),
            "it comes to both",
            seconds=60,
        )
    [unmoved] = tracks.take(TWIN, monkeypatch)
    tracks.there_and_back()
    [moved] = tracks.take(SOURCE, monkeypatch)
    assert x_death(moved) == x_death(unmoved)
    assert x_death(moved).count(b"S" + long(b"rejected")) == 2
    for entry in ("x-first-death-queue", "x-first-death-reason", "x-first-death-exchange"):
        assert short(entry.encode()) + b"S" in moved.properties


def x_death(message: Message) -> bytes:
    """That header: 4.3 adds counts of deliveries to a dead letter in a quorum queue, which are no part of it."""
    name = short(b"x-death") + b"A"
    _, _, value = message.properties.partition(name)
    return value[: 4 + int.from_bytes(value[:4], "big")]


def test_an_answer_that_is_awaited_directly(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ makes an address of amq.rabbitmq.reply-to, which names a channel: it stays."""
    lay(tracks)
    with tracks.channel() as channel:
        channel.confirm_delivery()
        channel.basic_consume("amq.rabbitmq.reply-to", lambda *_: None, auto_ack=True)
        properties = pika.BasicProperties(reply_to="amq.rabbitmq.reply-to")
        channel.basic_publish(FANOUT, "k", b"question", properties)
        [unmoved] = tracks.take(TWIN, monkeypatch)
        tracks.there_and_back()
        [moved] = tracks.take(SOURCE, monkeypatch)
    assert shown(moved) == shown(unmoved)
    assert b"amq.rabbitmq.reply-to." in moved.properties


@pytest.fixture
def as_another(tracks: Tracks) -> Iterator[Tracks]:
    """The same tracks, where those who move are not the user guest."""
    name = f"mover-{tracks.vhost}"
    tag(tracks, name, "")
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    tracks.http.put(f"/api/permissions/{tracks.vhost}/{name}", json=everything).raise_for_status()
    amqp_url = (tracks.where.amqp_url or "").replace("guest:guest", f"{name}:guest")
    yield replace(tracks, where=replace(tracks.where, amqp_url=amqp_url))
    tracks.http.delete(f"/api/users/{name}")


def tag(tracks: Tracks, name: str, tags: str) -> None:
    tracks.http.put(f"/api/users/{name}", json={"password": "guest", "tags": tags}).raise_for_status()


def test_a_message_from_a_user_that_we_may_not_be(
    tracks: Tracks, as_another: Tracks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is before it is moved, once, and it stays at the head of the source. Who may be others moves all."""
    lay(tracks)
    tracks.fill(50)
    publish(tracks, [PROPERTIES["our own user"]] * 3)
    tracks.fill(50, first=50)
    with pytest.raises(BrokerError, match=r"from the user guest, .* the tag 'impersonator'"):
        as_another.move()
    assert tracks.connections() == []
    assert tracks.numbers(TARGET, monkeypatch) == list(range(50))
    tag(tracks, as_another.where.amqp_username or "", "impersonator")
    assert as_another.move().messages == 53
    moved = tracks.take(TARGET, monkeypatch)
    assert [message.body for message in moved[:3]] == [b"body"] * 3
    assert [int(message.body) for message in moved[3:]] == list(range(50, 100))
    assert moved[0].properties == PROPERTIES["our own user"]


def test_looking_at_all_messages(tracks: Tracks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever their headers: how large they are and who they are from, and they stay where they were."""
    lay(tracks)
    tracks.fill(20, size=10)
    publish(tracks, [PROPERTIES["our own user"], PROPERTIES["headers alone"]])
    found = inspect(tracks.where, tracks.vhost, SOURCE)
    assert (found.sizes_in("classic"), found.users) == ([10] * 20 + [4] * 2, frozenset({"guest"}))
    # The flags, which tell what there is, and the delivery mode.
    assert found.sizes_in("quorum")[:20] == [10 + 2 + 1] * 20
    bodies = [message.body for message in tracks.take(SOURCE, monkeypatch)]
    assert [int(body) for body in bodies[:20]] == list(range(20))
    assert bodies[20:] == [b"body"] * 2
