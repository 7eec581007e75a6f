"""The parts of the torture do what they are for, and notice what they should."""

import random
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.brokers.written import write_down
from tests.torture.consumers import BAD, GOOD, Manners, consumers_of
from tests.torture.field import Field, battlefield
from tests.torture.ledger import Ledger
from tests.torture.outages import Outages
from tests.torture.proxy import Fault, Kind, proxy_to
from tests.torture.tally import Tally
from tests.torture.world import CLASSIC, QUEUE, QUORUM, THEIR_QUEUE, Variant
from tests.waiting import wait_until

# As long as a busy machine may take to connect consumers again that have died, and to make a message expire.
IDLE = 180.0
# As long as it may take to confirm what is confirmed in a few seconds elsewhere.
PATIENCE = 180.0


@pytest.fixture
def field(broker_urls: TestBroker, vhost: str, tmp_path: Path) -> Iterator[Field]:
    with battlefield(broker_urls, vhost, tmp_path, seed=1, tally=Tally()) as made:
        made.prepare(CLASSIC[0])
        yield made


def publish(field: Field, count: int) -> Ledger:
    """So many messages and a few more, all confirmed."""
    ledger = Ledger()
    field.publisher.resume(ledger, burst=count)
    ledger.wait_for_confirmed(count, seconds=PATIENCE)
    field.publisher.pause()
    return ledger


def consume(field: Field, ledger: Ledger, manners: Manners) -> None:
    with consumers_of(field.amqp_url, [QUEUE, QUEUE, THEIR_QUEUE], ledger, manners, field.randomly):
        ledger.balance(idle_seconds=IDLE)


@pytest.mark.broker
@pytest.mark.parametrize("manners", [GOOD, BAD], ids=["good", "bad"])
def test_what_is_consumed_is_not_lost(field: Field, manners: Manners) -> None:
    """Consumers that reject, die and come back have every message in the end."""
    ledger = publish(field, 1000)
    consume(field, ledger, manners)
    account = ledger.balance(idle_seconds=0)
    assert account.confirmed >= 1000
    assert (account.lost, account.returned) == ((), ())


@pytest.mark.broker
def test_a_lost_message_is_found(field: Field) -> None:
    """What somebody purges was confirmed and does not come out: it is named."""
    ledger = publish(field, 50)
    field.http.delete(f"/api/queues/{field.vhost}/{QUEUE}/contents").raise_for_status()
    purged = {message_id for message_id in ledger.confirmed if not message_id.endswith(".theirs")}
    with consumers_of(field.amqp_url, [QUEUE, QUEUE, THEIR_QUEUE], ledger, GOOD, field.randomly):
        wait_until(
            lambda: set(ledger.balance(idle_seconds=0).lost) <= purged, "the others have come out", seconds=IDLE
        )
    assert set(ledger.balance(idle_seconds=0).lost) == purged


@pytest.mark.broker
def test_a_route_that_leads_nowhere_is_found(field: Field) -> None:
    """What the broker returns is not confirmed but named."""
    path = f"/api/bindings/{field.vhost}/e/torture.in/q/{QUEUE}/a.%2523"
    field.http.delete(path).raise_for_status()
    ledger = publish(field, 50)
    returned = ledger.balance(idle_seconds=0).returned
    assert returned
    assert {message_id.partition(".")[2] for message_id in returned} == {"topic"}
    assert not set(returned) & ledger.confirmed


@pytest.mark.broker
def test_what_is_left_behind_is_found(field: Field) -> None:
    """A holding queue that nobody removed, or a binding of another team that is gone, is a failure."""
    field.check_clean()
    field.check_plan_is_empty()
    left = f"/api/queues/{field.vhost}/proca-topo.parked.{QUEUE}"
    field.http.put(left, json={"durable": True}).raise_for_status()
    with pytest.raises(AssertionError, match=r"proca-topo\.parked"):
        field.check_clean()
    field.http.delete(left).raise_for_status()
    field.check_clean()
    field.http.delete(f"/api/bindings/{field.vhost}/e/team.events/q/{QUEUE}/news").raise_for_status()
    with pytest.raises(AssertionError, match="news"):
        field.check_clean()


@pytest.mark.broker
@pytest.mark.parametrize("variant", [CLASSIC[0], QUORUM[0]], ids=["classic", "quorum"])
def test_a_killed_broker_keeps_what_it_confirmed(
    variant: Variant, node_factory: NodeFactory, tmp_path: Path
) -> None:
    """The publisher goes on after the broker is back, and everything that was confirmed is there."""
    node = node_factory()
    with battlefield(as_broker(node), "/", tmp_path, seed=1, tally=Tally()) as field:
        field.prepare(variant)
        write_down(node)
        ledger = Ledger()
        field.publisher.resume(ledger)
        ledger.wait_for_confirmed(100, seconds=PATIENCE)
        node.kill()
        node.restart()
        ledger.wait_for_confirmed(len(ledger.confirmed) + 100, seconds=PATIENCE)
        field.publisher.pause()
        consume(field, ledger, GOOD)
        assert ledger.balance(idle_seconds=0).lost == ()


def test_nobody_waits_for_an_outage_that_does_not_come() -> None:
    """The lane that kills the broker may have failed before."""
    outages = Outages()
    outages.give_up()
    with pytest.raises(AssertionError, match="another lane failed"):
        outages.wait_for(1, or_until=lambda: False)


def test_the_order_is_told() -> None:
    """Repetitions do not count; a message that overtakes another does."""
    ledger = Ledger()
    for message_id in ("1", "2", "1", "2", "3"):
        ledger.come_out(message_id)
    everything = frozenset("12345")
    assert ledger.out_of_order(everything) is None
    for message_id in ("5", "4"):
        ledger.come_out(message_id)
    assert ledger.out_of_order(everything) == ("5", "4")
    assert ledger.out_of_order(frozenset("124")) is None
    assert ledger.balance(idle_seconds=0).duplicates == 2


def echo(client: socket.socket, data: bytes) -> bytes:
    """What comes back of what is sent through an echo server; up to the end of the connection."""
    client.sendall(data)
    received = b""
    while len(received) < len(data) and (more := client.recv(4096)):
        received += more
    return received


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it gets, one connection at a time."""
    from threading import Thread

    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        while data := connection.recv(4096):
                            connection.sendall(data)
                    except OSError:
                        pass

        Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("kind", "is_as_said"),
    [
        (Kind.CUT, lambda got, _: isinstance(got, bytes) and len(got) < 3000),
        (Kind.RESET, lambda got, _: got is ConnectionResetError),
        (Kind.STALL, lambda got, seconds: got == b"x" * 3000 and seconds >= 0.5),
    ],
)
def test_a_bad_network(kind: Kind, is_as_said: Callable[[object, float], bool], echo_port: int) -> None:
    """A connection is cut, reset or held where it was said, and only once."""
    with proxy_to(echo_port) as proxy:

        def send() -> object:
            with socket.create_connection(("127.0.0.1", proxy.port)) as client:
                client.settimeout(60)
                try:
                    return echo(client, b"x" * 3000)
                except ConnectionResetError:
                    return ConnectionResetError

        assert send() == b"x" * 3000
        assert not proxy.struck.is_set()
        proxy.set_fault(Fault(kind=kind, after_bytes=2000, seconds=0.5))
        started = time.monotonic()
        assert is_as_said(send(), time.monotonic() - started)
        assert proxy.struck.is_set()
        assert send() == b"x" * 3000


def test_a_connection_can_be_reset_at_will(echo_port: int) -> None:
    """As that of a machine that fails."""
    with proxy_to(echo_port) as proxy, socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.settimeout(60)
        assert echo(client, b"x") == b"x"
        proxy.reset_one(random.Random(1))
        with pytest.raises(ConnectionResetError):
            client.recv(1)
