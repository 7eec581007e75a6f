"""Messages are moved from queue to queue on a real broker, and everything is done to lose one."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
import pika
import pytest

from proca_topo.apply.watch import StopRequestedError
from proca_topo.broker import amqp, moving
from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.inspecting import inspect
from proca_topo.broker.move import Leaving
from proca_topo.errors import AccessError, BrokerError, InUseError, UnreachableError, UnroutableError
from tests.broker.moving import CLASSIC, PERSISTENT, QUORUM, SOURCE, TARGET, Pair, in_order
from tests.broker.servers import free_port

pytestmark = pytest.mark.broker

TYPES: Final = (CLASSIC, QUORUM)
KILLS: Final = int(os.environ.get("PROCA_TOPO_TEST_KILLS", "3"))


@pytest.fixture(params=TYPES)
def pair(request: pytest.FixtureRequest, where: BrokerAddress, vhost: str) -> Pair:
    return Pair(where=where, vhost=vhost, source_type=request.param)


@pytest.fixture
def classic(where: BrokerAddress, vhost: str) -> Pair:
    return Pair(where=where, vhost=vhost, source_type=CLASSIC)


@pytest.fixture
def no_socket_is_left() -> Iterator[None]:
    """However a move ends, it leaves no file open."""
    before = open_sockets()
    yield
    assert open_sockets() <= before


def open_sockets() -> int:
    files = Path("/proc/self/fd")
    links = [str(file.readlink()) for file in files.iterdir() if file.is_symlink()] if files.exists() else []
    return len([link for link in links if link.startswith(("socket:", "anon_inode:[eventpoll]"))])


def moved_and_left(pair: Pair) -> tuple[list[int], list[int]]:
    return pair.numbers(TARGET), pair.numbers(SOURCE) if pair.exists() else []


@pytest.mark.parametrize("target", TYPES)
@pytest.mark.usefixtures("no_socket_is_left")
def test_the_order_stays(pair: Pair, target: str) -> None:
    """Of many more messages than are under way at a time; progress tells each one, and the source goes."""
    pair.declare(target)
    pair.fill(5_000)
    told: list[int] = []
    moved = pair.move(progress=told.append, delete_source=True)
    assert (moved.messages, moved.deleted, sum(told)) == (5_000, True, 5_000)
    assert not pair.exists()
    assert pair.numbers(TARGET) == list(range(5_000))


def test_bodies_of_any_size(pair: Pair) -> None:
    """None at all, one frame to the byte, several frames."""
    pair.declare()
    sizes = [0, 1, 131_064, 131_065, 400_000, 0, 7]
    with pair.channel() as channel:
        for size in sizes:
            channel.basic_publish("to-source", "k", b"x" * size, PERSISTENT, mandatory=True)
    assert pair.move().messages == len(sizes)
    assert [len(body) for _, _, body in pair.drain(TARGET)] == sizes


def test_an_empty_queue_is_deleted_at_once(pair: Pair) -> None:
    pair.declare()
    idled: list[str] = []
    moved = pair.move(delete_source=True, idle=lambda: idled.append("called"))
    assert (moved.messages, moved.deleted, idled) == (0, True, ["called"])


def test_at_most_so_many(pair: Pair) -> None:
    """The others stay, in their order, whatever had been sent to us already."""
    pair.declare()
    pair.fill(3_000)
    assert pair.move(at_most=1_234).messages == 1_234
    pair.wait_for(3_000 - 1_234)
    assert moved_and_left(pair) == (list(range(1_234)), list(range(1_234, 3_000)))


def test_what_progress_raises_ends_it_in_good_order(pair: Pair) -> None:
    """Nothing is there twice, and a quorum queue has nothing given back, which it would count."""
    pair.declare()
    pair.fill(20_000)

    def stop(_: int) -> None:
        raise StopRequestedError

    with pytest.raises(StopRequestedError):
        pair.move(progress=stop, delete_source=True)
    left = pair.drain(SOURCE)
    assert left
    moved = pair.numbers(TARGET)
    assert moved == list(range(len(moved)))
    assert [int(body) for _, _, body in left] == list(range(len(moved), 20_000))
    assert not [properties.headers for _, properties, _ in left if properties.headers]


def test_what_idle_raises_leaves_the_source_there(pair: Pair) -> None:
    pair.declare()
    pair.fill(10)

    def object_to_it() -> None:
        raise BrokerError("somebody has bound it anew")

    with pytest.raises(BrokerError, match="bound it anew"):
        pair.move(idle=object_to_it, delete_source=True)
    assert moved_and_left(pair) == (list(range(10)), [])
    assert pair.exists()


def test_what_comes_while_it_idles_is_moved_as_well(pair: Pair) -> None:
    pair.declare()
    pair.fill(10)
    times: list[int] = []

    def late() -> None:
        if not times:
            pair.fill(10, start=10) if pair.source_type == QUORUM else None
        times.append(1)
        if pair.source_type == CLASSIC and len(times) == 1:
            with pair.channel() as channel:
                for number in range(10, 20):
                    channel.basic_publish("", SOURCE, str(number).encode(), PERSISTENT, mandatory=True)

    assert pair.move(idle=late, delete_source=True).deleted
    assert pair.numbers(TARGET) == list(range(20))


def test_a_full_target(pair: Pair) -> None:
    """What it rejects stays, with what came after it; nothing that it took is rejected because of that."""
    pair.declare(**{"x-max-length": 700, "x-overflow": "reject-publish"})
    pair.fill(3_000)
    with pytest.raises(BrokerError, match="it is full"):
        pair.move(delete_source=True)
    pair.wait_for(3_000 - 1_000)
    moved, left = moved_and_left(pair)
    assert moved[:700] == list(range(700))
    assert left == list(range(left[0], 3_000))
    assert left[0] <= len(moved)


def test_a_full_target_at_last(pair: Pair) -> None:
    """Also where the refusal is all that is still under way."""
    pair.declare(**{"x-max-length": 9, "x-overflow": "reject-publish"})
    pair.fill(10)
    with pytest.raises(BrokerError, match="it is full"):
        pair.move(delete_source=True)
    pair.wait_for(1)
    moved, left = moved_and_left(pair)
    assert set(moved) | set(left) == set(range(10))
    assert 9 in left


def test_an_exchange_that_leads_nowhere(pair: Pair) -> None:
    """RabbitMQ returns what it cannot route, and then confirms it: that is no confirm."""
    pair.declare()
    pair.fill(3_000)
    with pair.channel() as channel:
        channel.queue_unbind(TARGET, "to-target")
    with pytest.raises(UnroutableError, match="somebody has unbound it"):
        pair.move(delete_source=True)
    pair.wait_for(3_000)
    assert moved_and_left(pair) == ([], list(range(3_000)))


def test_an_exchange_that_leads_nowhere_any_more(pair: Pair) -> None:
    pair.declare()
    pair.fill(20_000)

    def unbind(_: int) -> None:
        with pair.channel() as channel:
            channel.queue_unbind(TARGET, "to-target")

    with pytest.raises(UnroutableError):
        pair.move(progress=unbind, delete_source=True)
    time.sleep(0.5)
    moved, left = moved_and_left(pair)
    assert left == list(range(left[0], 20_000))
    assert moved == list(range(len(moved)))
    assert left[0] <= len(moved)


def test_an_exchange_that_is_not_there(pair: Pair) -> None:
    pair.declare()
    pair.fill(10)
    with pair.channel() as channel:
        channel.exchange_delete("to-target")
    with pytest.raises(BrokerError, match="is gone: apply again"):
        pair.move(delete_source=True)
    pair.wait_for(10)
    assert moved_and_left(pair) == ([], list(range(10)))


def test_somebody_else_consumes(pair: Pair) -> None:
    """Whether they want the queue for themselves or not."""
    pair.declare()
    pair.fill(10)
    for exclusive in (False, True):
        with pair.channel() as channel:
            channel.basic_qos(prefetch_count=1)
            channel.basic_consume(SOURCE, lambda *_: None, exclusive=exclusive)
            with pytest.raises(InUseError, match="somebody consumes from source"):
                pair.move(delete_source=True)
    pair.wait_for(10)
    assert moved_and_left(pair) == ([], list(range(10)))


def test_nobody_consumes_meanwhile(pair: Pair) -> None:
    pair.declare()
    pair.fill(10)

    def try_it() -> None:
        with (
            pair.channel() as channel,
            pytest.raises(pika.exceptions.ChannelClosedByBroker, match="exclusive use"),
        ):
            channel.basic_consume(SOURCE, lambda *_: None)

    assert pair.move(idle=try_it, delete_source=True).deleted


def test_a_source_that_is_deleted_meanwhile(pair: Pair) -> None:
    """What has been moved is there; what was not is gone with it, and the move says that it went."""
    pair.declare()
    pair.fill(20_000)

    def delete(_: int) -> None:
        with pair.channel() as channel:
            channel.queue_delete(SOURCE)

    with pytest.raises(BrokerError, match=r"was deleted, or its node went down|is gone"):
        pair.move(progress=delete, delete_source=True)
    moved = pair.numbers(TARGET)
    assert moved == list(range(len(moved)))


@pytest.mark.usefixtures("no_socket_is_left")
def test_a_source_that_is_not_there(where: BrokerAddress, vhost: str) -> None:
    with pytest.raises(BrokerError, match="is gone: apply again"):
        Pair(where=where, vhost=vhost, source_type=CLASSIC).move()


@pytest.mark.usefixtures("no_socket_is_left")
def test_nothing_listens(classic: Pair) -> None:
    nowhere = replace(classic, where=replace(classic.where, amqp_url=f"amqp://u:p@127.0.0.1:{free_port()}"))
    with pytest.raises(UnreachableError, match="nothing listens at"):
        nowhere.move()


@pytest.mark.usefixtures("no_socket_is_left")
def test_a_connection_that_is_closed(pair: Pair, http: httpx.Client) -> None:
    """By the broker, in the middle."""
    pair.declare()
    pair.fill(50_000)
    closed: list[str] = []

    def close() -> None:
        deadline = time.monotonic() + 20
        while not closed and time.monotonic() < deadline:
            for entry in http.get("/api/connections").json():
                if entry.get("vhost") == pair.vhost and entry.get("name"):
                    said = entry.get("client_properties") or {}
                    if said.get("connection_name") == "proca-topo move":
                        closed.append(entry["name"])
                        http.delete(f"/api/connections/{entry['name']}")

    thread = threading.Thread(target=close)
    thread.start()

    def hold() -> None:
        thread.join()

    with pytest.raises(UnreachableError, match="was lost"):
        pair.move(idle=hold, delete_source=True)
    time.sleep(0.5)
    moved, left = moved_and_left(pair)
    assert sorted(set(moved) | set(left)) == list(range(50_000))


@pytest.mark.usefixtures("no_socket_is_left")
def test_what_is_raised_while_a_message_is_read(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake of ours is told as it is, and neither hangs nor costs a message."""
    pair.declare()
    pair.fill(1_000)

    def fails(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(moving, "moved", fails)
        with pytest.raises(ZeroDivisionError):
            pair.move(delete_source=True)
    pair.wait_for(1_000)
    assert moved_and_left(pair) == ([], list(range(1_000)))


@pytest.mark.usefixtures("no_socket_is_left")
def test_a_signal_that_ends_it(pair: Pair) -> None:
    """What is raised by a signal's handler, at any moment, closes the connection as well."""
    pair.declare()
    pair.fill(20_000)

    def interrupt() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        pair.move(idle=lambda: time.sleep(3))
    time.sleep(0.5)
    moved, left = moved_and_left(pair)
    assert in_order(moved + left) == list(range(20_000))


def test_heartbeats_that_are_missed(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker gives us up while `idle` takes too long: told as a lost connection, and nothing is lost."""
    monkeypatch.setattr(amqp, "_HEARTBEAT", 1)
    pair.declare()
    pair.fill(100)
    with pytest.raises(UnreachableError, match="was lost"):
        pair.move(idle=lambda: time.sleep(5), delete_source=True)
    assert moved_and_left(pair) == (list(range(100)), [])
    assert pair.exists()


def test_idle_may_take_as_long_as_it_does(pair: Pair) -> None:
    """A replacement waits up to 16 s before it deletes."""
    pair.declare()
    pair.fill(100)
    assert pair.move(idle=lambda: time.sleep(17), delete_source=True).deleted
    assert pair.numbers(TARGET) == list(range(100))


_MOVER: Final = """
import sys
from proca_topo.broker.address import address
from proca_topo.broker.move import Leaving, Move
from proca_topo.broker.moving import move
url, amqp, vhost, quorum = sys.argv[1:]
order = Move(source="source", exchange="to-target", leaving=Leaving.PARK, source_is_quorum=quorum == "quorum",
             delete_source=True)
print("begins", flush=True)
move(address(url, amqp=amqp), vhost, order, progress=lambda _: None)
"""


def test_killed_at_any_moment(pair: Pair) -> None:
    """Whatever a SIGKILL hits: at worst a message is there twice, and the order stays."""
    pair.declare()
    count = 20_000
    pair.fill(count)
    ended = 0
    for _ in range(KILLS):
        where = [pair.where.management_url or "", pair.where.amqp_url or "", pair.vhost, pair.source_type]
        with subprocess.Popen([sys.executable, "-c", _MOVER, *where], stdout=subprocess.PIPE) as mover:
            assert mover.stdout is not None
            mover.stdout.readline()
            time.sleep(random.uniform(0, 0.6))
            mover.kill()
            ended += mover.wait() == 0
    deadline = time.monotonic() + 20
    while pair.exists():
        try:
            pair.move(delete_source=True)
        except InUseError:  # RabbitMQ has not noticed yet
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert in_order(pair.numbers(TARGET)) == list(range(count))


@pytest.mark.parametrize("at_a_time", [1, 200])
def test_somebody_publishes_to_its_name_all_the_time(pair: Pair, at_a_time: int) -> None:
    """Each message that was confirmed and not returned is there, once the queue is deleted."""
    pair.declare()
    pair.fill(2_000)
    publisher = Publisher(pair, at_a_time)
    publisher.start()
    try:
        publisher.began.wait(10)
        try:
            pair.move(delete_source=True)
        except BrokerError as error:
            assert "cannot be deleted" in str(error)  # noqa: PT017 - which is well, too
        time.sleep(0.3)
    finally:
        publisher.stopping.set()
        publisher.join()
    moved, left = moved_and_left(pair)
    there = {number for number in moved + left if number >= 1_000_000}
    assert publisher.kept
    missing = publisher.kept - there
    assert not missing, f"{len(missing)} of {len(publisher.kept)}, {len(publisher.returned)} returned"
    assert in_order([number for number in moved + left if number < 1_000_000]) == list(range(2_000))


class Publisher(threading.Thread):
    """Publishes through the default exchange, with confirms and mandatory, so many at a time."""

    def __init__(self, pair: Pair, at_a_time: int) -> None:
        super().__init__(daemon=True)
        self.began = threading.Event()
        self.stopping = threading.Event()
        self.kept: set[int] = set()
        self.returned: set[int] = set()
        self._pair = pair
        self._at_a_time = at_a_time

    def run(self) -> None:
        with self._pair.channel(confirms=False) as channel:
            acked: set[int] = set()
            published = 0
            first = 1_000_000

            def answered(frame: Any) -> None:
                tag = frame.method.delivery_tag
                if isinstance(frame.method, pika.spec.Basic.Ack):
                    acked.update(range(1, tag + 1) if frame.method.multiple else (tag,))

            channel._impl.add_on_return_callback(lambda _c, _m, _p, body: self.returned.add(int(body)))  # noqa: SLF001
            channel._impl.confirm_delivery(answered)  # noqa: SLF001
            while not self.stopping.is_set():
                for _ in range(self._at_a_time):
                    published += 1
                    body = str(first + published).encode()
                    channel._impl.basic_publish("", SOURCE, body, PERSISTENT, mandatory=True)  # noqa: SLF001
                deadline = time.monotonic() + 5
                while len(acked) < published and time.monotonic() < deadline:
                    channel.connection.process_data_events(0.001)
                self.began.set()
                time.sleep(0.001)
            self.kept = {first + tag for tag in acked} - self.returned


def test_a_message_from_another_user(pair: Pair) -> None:
    """It stays with what came after it. RabbitMQ would have closed the channel, with all that is under way."""
    pair.declare()
    with pair.channel() as channel:
        for number in range(10):
            user = "guest" if number in {3, 7} else None
            properties = pika.BasicProperties(delivery_mode=2, user_id=user)
            channel.basic_publish("to-source", "k", str(number).encode(), properties, mandatory=True)
    with pytest.raises(AccessError, match="is from the user guest"):
        pair.move(user="somebody", delete_source=True)
    pair.wait_for(7)
    assert pair.move(user="guest", delete_source=True).deleted
    assert pair.numbers(TARGET) == list(range(10))


def test_inspecting_leaves_all_as_it_was(classic: Pair) -> None:
    """The bytes of bodies are counted, users are told, and the order stays."""
    classic.declare()
    assert inspect(classic.where, classic.vhost, SOURCE).bytes == 0
    classic.fill(5_000, body=lambda number: f"{number:05} ".encode())
    with classic.channel() as channel:
        properties = pika.BasicProperties(user_id="guest", headers={"n": 1})
        channel.basic_publish("to-source", "k", b"5000", properties, mandatory=True)
    for _ in range(2):
        found = inspect(classic.where, classic.vhost, SOURCE)
        assert (found.bytes, found.users) == (30_004, {"guest"})
    assert classic.numbers(SOURCE) == list(range(5_001))


def test_inspecting_what_another_has_for_itself(classic: Pair) -> None:
    classic.declare()
    classic.fill(1)
    with classic.channel() as channel:
        channel.basic_consume(SOURCE, lambda *_: None, exclusive=True)
        channel.connection.process_data_events(0.2)
        channel.basic_nack(0, multiple=True)
        with pytest.raises(InUseError):
            _until_it_raises(lambda: inspect(classic.where, classic.vhost, SOURCE))


def _until_it_raises(call: Callable[[], object]) -> None:
    for _ in range(20):
        call()
        time.sleep(0.05)


def test_only_what_is_parked_expires_no_more(pair: Pair) -> None:
    """Time stands still for what is parked, and begins anew in the queue that it goes to."""
    pair.declare()
    with pair.channel() as channel:
        for number, expiration in enumerate(["1500", None, "0x"]):
            if expiration != "0x":
                properties = pika.BasicProperties(delivery_mode=2, expiration=expiration)
                channel.basic_publish("to-source", "k", str(number).encode(), properties, mandatory=True)
    assert pair.move(Leaving.PARK).messages == 2
    time.sleep(2)
    assert pair.numbers(TARGET) == [0, 1]
