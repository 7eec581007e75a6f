"""One apply per vhost at a time; whatever ends it, the next one can go on."""

import json
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest

from proca_topo.apply.locking import Guarded, locked
from proca_topo.apply.run import apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT
from proca_topo.broker.amqp import lock
from proca_topo.broker.connect import open_broker
from proca_topo.broker.definitions.file import DefinitionsFile
from proca_topo.broker.protocol import Lock
from proca_topo.errors import BrokerError, LockedError, RefusedError, UnreachableError
from proca_topo.plan.planner import make_plan
from tests.broker.proxy import proxy
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.live import Live, desired_in, live_vhost
from tests.waiting import wait_until

HOLD = """\
import sys, time
from proca_topo.broker.address import address
from proca_topo.broker.connect import open_broker
lock = open_broker(address(sys.argv[1], amqp=sys.argv[2])).lock(sys.argv[3])
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """RabbitMQ may have much to do, and list connections and close them later than it is waited for."""
    for name in ("_LISTED_SECONDS", "_CLOSE_SECONDS"):
        monkeypatch.setattr(lock, name, 120)


def nobody(text: str) -> None:
    raise AssertionError(f"nothing to wait for: {text}")


def holder(broker: TestBroker, vhost: str) -> subprocess.Popen[str]:
    """Another process that has the lock."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, broker.management_url, broker.amqp_url, vhost],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.broker
def test_a_second_apply_is_told_who_has_the_lock_and_what_to_do(broker_urls: TestBroker, vhost: str) -> None:
    with live_vhost(broker_urls, vhost) as live:
        other = holder(broker_urls, vhost)
        try:
            with pytest.raises(LockedError) as refused:
                live.broker.lock(vhost)
            assert refused.value.holder is not None
            assert f"process {other.pid}, since 20" in refused.value.holder
            with (
                pytest.raises(RefusedError, match=rf"process {other.pid}.*--lock-timeout 5m waits.*Nothing was"),
                locked(live.broker, vhost, patience_seconds=0, say=nobody),
            ):
                pass
        finally:
            other.kill()
            other.wait()


@pytest.mark.broker
def test_the_lock_is_free_as_soon_as_its_holder_is_killed(broker_urls: TestBroker, vhost: str) -> None:
    with live_vhost(broker_urls, vhost) as live:
        other = holder(broker_urls, vhost)
        other.kill()
        other.wait()
        said: list[str] = []
        with locked(live.broker, vhost, patience_seconds=120, say=said.append) as taken:
            taken.check()
        assert len(said) <= 1


@pytest.mark.broker
def test_however_short_the_patience_the_lock_is_tried_again_before_it_is_given_up(
    broker_urls: TestBroker, vhost: str
) -> None:
    """To see whose it is takes longer than that, and the other one may be done by then."""
    with live_vhost(broker_urls, vhost) as live:
        other = holder(broker_urls, vhost)

        def end_the_other(_text: str) -> None:
            other.kill()
            other.wait()
            wait_until(lambda: _is_free(live), "the lock is free", seconds=60)

        said: list[str] = []
        try:
            with (
                pytest.raises(RefusedError, match=r"it still is, after the wait\. Nothing was applied"),
                locked(live.broker, vhost, patience_seconds=0.001, say=said.append),
            ):
                pass
            assert len(said) == 1
            with locked(live.broker, vhost, patience_seconds=0.001, say=end_the_other) as taken:
                taken.check()
        finally:
            other.kill()
            other.wait()


def _is_free(live: Live) -> bool:
    try:
        live.broker.lock(live.vhost).release()
    except LockedError:
        return False
    return True


@pytest.mark.broker
def test_who_waits_for_the_lock_waits_until_the_broker_takes_connections_again(node_factory: NodeFactory) -> None:
    """As while it restarts."""
    node = node_factory()
    with live_vhost(as_broker(node), "/") as live, ThreadPoolExecutor(1) as thread:
        other = holder(live.test_broker, "/")
        resumed: list[Future[None]] = []

        def stop_listening(_text: str) -> None:
            node.control("suspend_listeners")
            other.kill()
            resumed.append(thread.submit(node.control, "resume_listeners"))

        try:
            with locked(live.broker, "/", patience_seconds=300, say=stop_listening) as taken:
                taken.check()
        finally:
            other.kill()
            other.wait()
        assert len(resumed) == 1


@pytest.mark.broker
def test_one_lock_is_no_other_vhosts_and_can_be_taken_again(broker_urls: TestBroker, vhost: str) -> None:
    with live_vhost(broker_urls, vhost) as live:
        live.http.put(f"/api/vhosts/{vhost}-2").raise_for_status()
        live.http.put(
            f"/api/permissions/{vhost}-2/{broker_urls.username}",
            json={"configure": ".*", "write": ".*", "read": ".*"},
        ).raise_for_status()
        try:
            with (
                locked(live.broker, vhost, patience_seconds=0, say=nobody),
                locked(live.broker, f"{vhost}-2", patience_seconds=0, say=nobody),
            ):
                pass
            with locked(live.broker, vhost, patience_seconds=0, say=nobody):
                pass
        finally:
            live.http.delete(f"/api/vhosts/{vhost}-2").raise_for_status()


@pytest.mark.broker
def test_a_connection_that_ends_while_the_lock_is_taken_is_told_as_that(
    broker_urls: TestBroker, vhost: str
) -> None:
    with proxy(broker_urls.amqp_url) as way:
        way.cut_at = lock.LOCK_QUEUE.encode()
        broker = open_broker(broker_urls.address(amqp_url=f"amqp://guest:guest@127.0.0.1:{way.port}/"))
        with pytest.raises(UnreachableError, match=r"was lost .*: the broker or the network went away; try again"):
            broker.lock(vhost)


@pytest.mark.broker
def test_an_apply_that_loses_its_lock_stops_and_says_so(
    broker_urls: TestBroker, vhost: str, tmp_path: Path
) -> None:
    (tmp_path / "topology.yaml").write_text("topology: 1\nowns: [q]\nqueues: {q: {}}\n")
    with live_vhost(broker_urls, vhost) as live, locked(
        live.broker, vhost, patience_seconds=0, say=nobody
    ) as taken:  # fmt: skip
        desired = desired_in(tmp_path)
        existing = read_existing(live.broker, vhost, desired, with_prune=False)
        plan = make_plan(existing, desired)
        wait_until(lambda: _is_lost(live, taken), "the lock is lost", seconds=120)
        report = apply_plan(plan, existing, desired, live.broker, with_prune=False, watch=Guarded(SILENT, taken))
        assert report.stopped is not None
        assert "the lock was lost with its connection" in report.stopped
        assert live.definitions()["queues"] == []


def _is_lost(live: Live, taken: Lock) -> bool:
    """Whether it is, after all connections are closed that RabbitMQ lists by now. It lists them late."""
    for connection in live.http.get(f"/api/vhosts/{live.path}/connections").raise_for_status().json():
        live.http.delete(f"/api/connections/{quote(connection['name'], safe='')}")
    try:
        taken.check()
    except BrokerError:
        return True
    return False


@pytest.mark.broker
def test_where_amqp_cannot_be_reached_only_no_lock_goes_on(broker_urls: TestBroker, vhost: str) -> None:
    broker = open_broker(broker_urls.address(amqp_url="amqp://127.0.0.1:1/"))
    with pytest.raises(RefusedError, match=r"nothing listens at .*another apply is under way.*--no-lock"):
        broker.lock(vhost)


def test_a_definitions_file_is_changed_by_one_at_a_time_too(tmp_path: Path) -> None:
    file = tmp_path / "broker.json"
    file.write_text(json.dumps({"vhosts": [{"name": "/"}]}))
    with (
        locked(DefinitionsFile(file), "/", patience_seconds=0, say=nobody),
        pytest.raises(RefusedError, match="another apply is under way"),
        locked(DefinitionsFile(file), "/", patience_seconds=0, say=nobody),
    ):
        pass
    with locked(DefinitionsFile(file), "/", patience_seconds=0, say=nobody):
        pass
