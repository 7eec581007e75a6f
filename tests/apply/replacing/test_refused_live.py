"""A replacement that could not come to its end is refused with the reason, and nothing has been changed."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pika
import pytest

from proca_topo.apply.replacing import boundary
from proca_topo.apply.report import Status
from proca_topo.apply.run import apply_plan
from proca_topo.apply.watch import SILENT
from proca_topo.plan.changes import Replace, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.node import running_node
from tests.apply.replacing.killing import killed_at
from tests.brokers.alarms import raise_alarm
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import TestBroker
from tests.live import Live, desired_in, live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker


def write(folder: Path, more: str) -> None:
    bindings = "bindings: [{exchange: in, key: 'a.#'}]"
    (folder / "topology.yaml").write_text(
        "topology: 1\nowns: [in, work]\nexchanges: {in: {type: topic}}\n"
        f"queues: {{work: {{{bindings}{more}}}}}\n"
    )


def write_renamed(folder: Path) -> None:
    (folder / "topology.yaml").write_text(
        "topology: 1\nowns: [in, work, job]\nexchanges: {in: {type: topic}}\n"
        "queues: {job: {bindings: [{exchange: in, key: 'a.#'}], renamed_from: work}}\n"
    )


def publish(url: str, vhost_path: str, **properties: Any) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(f"{url}{vhost_path}"))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.basic_publish("in", "a.b", b"x", pika.BasicProperties(delivery_mode=2, **properties), mandatory=True)
    connection.close()


@pytest.fixture
def live(broker_urls: TestBroker, vhost: str, tmp_path: Path) -> Iterator[Live]:
    """With a queue that is about to become another, and one message in it."""
    with live_vhost(broker_urls, vhost) as opened:
        write(tmp_path, "")
        opened.apply(desired_in(tmp_path))
        publish(broker_urls.amqp_url, opened.path)
        write(tmp_path, ", arguments: {x-max-priority: 5}")
        yield opened


@contextmanager
def user(
    live: Live, *, configure: str = ".*", write: str = ".*", read: str = ".*", tags: str = ""
) -> Iterator[str]:
    """A user named as the vhost; yields the AMQP URL."""
    http, name = live.http, live.vhost
    http.put(f"/api/users/{name}", json={"password": "x", "tags": tags}).raise_for_status()
    permissions = {"configure": configure, "write": write, "read": read}
    http.put(f"/api/permissions/{live.path}/{name}", json=permissions).raise_for_status()
    try:
        yield live.test_broker.amqp_url.replace("guest:guest", f"{name}:x")
    finally:
        http.delete(f"/api/users/{name}")


def held_back(live: Live, folder: Path, how: Replacing = Replacing.IDLE) -> str:
    """The reason; nothing has been changed by then, and the message waits where it was."""
    before = live.definitions()
    result = next(
        r for r in live.apply(desired_in(folder), replacing=how).results if isinstance(r.change, Replace)
    )
    assert result.status is Status.HELD_BACK
    assert live.definitions() == before
    with live.channel() as channel:
        assert channel.queue_declare("work", passive=True).method.message_count == 1
    return result.reason or ""


def test_a_user_who_may_declare_and_not_move(live: Live, tmp_path: Path) -> None:
    """The AMQP user is another than the one of the management API."""
    with (
        user(live, configure="^proca-topo", read="^proca-topo") as amqp_url,
        live_vhost(live.test_broker, live.vhost, amqp_url=amqp_url) as other,
    ):
        reason = held_back(other, tmp_path)
    assert "who moves the messages, may not configure 'work', read 'work':" in reason
    assert "set_permissions" in reason


@pytest.mark.parametrize(
    ("permissions", "lacking"),
    [
        ({"configure": "^(in|work|proca-topo.*)$"}, "configure"),
        ({"write": "^(in|work|proca-topo.*)$"}, "write to"),
    ],
)
def test_a_user_who_may_not_have_the_new_name(
    permissions: dict[str, str], lacking: str, live: Live, tmp_path: Path
) -> None:
    """The one of the management API, who declares it and binds it."""
    write_renamed(tmp_path)
    with user(live, tags="administrator", **permissions) as amqp_url:
        named = TestBroker(
            management_url=live.test_broker.management_url,
            amqp_url=amqp_url,
            username=live.vhost,
            password="x",
            version=live.test_broker.version,
        )
        with live_vhost(named, live.vhost) as other:
            reason = held_back(other, tmp_path)
    assert f"the user {live.vhost!r} may not {lacking} 'job': let an administrator" in reason


@contextmanager
def consumed(live: Live) -> Iterator[None]:
    """Somebody consumes, and RabbitMQ's statistics tell who, and how many: the one seconds after the other."""

    def is_told() -> bool:
        told = live.http.get(f"/api/queues/{live.path}/work").json()
        channels = [one.get("channel_details") or {} for one in told.get("consumer_details") or ()]
        names = [str(channel.get("connection_name") or "") for channel in channels]
        if told.get("consumers") != 1 or not all(names):
            return False
        connections = [live.http.get(f"/api/connections/{quote(name, safe='')}").json() for name in names]
        return [connection.get("user") for connection in connections] == [live.test_broker.username]

    with live.channel() as channel:
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume("work", lambda *_: None)
        wait_until(lambda: channel.connection.process_data_events(0) or is_told(), "it is told", seconds=60)
        yield


@pytest.mark.parametrize("tags", ["policymaker", "management,policymaker", "monitoring,policymaker"])
@pytest.mark.parametrize("is_consumed", [True, False])
def test_a_user_who_may_not_disconnect(live: Live, tmp_path: Path, tags: str, *, is_consumed: bool) -> None:
    """Nor, with two of them, see the connections of others."""
    with user(live, tags=tags) as amqp_url, consumed(live) if is_consumed else nullcontext():
        theirs = replace(live.test_broker, amqp_url=amqp_url, username=live.vhost, password="x")
        with live_vhost(theirs, live.vhost) as opened:
            before = live.definitions()
            [result] = opened.apply(desired_in(tmp_path), replacing=Replacing.DISCONNECTING).results
    assert (result.status, live.definitions()) == (Status.HELD_BACK, before)
    assert result.reason is not None
    assert "could not be disconnected" in result.reason or "cannot be disconnected" in result.reason
    assert "give that to the user of this apply" in result.reason
    if is_consumed:
        known = "user guest" if "monitoring" in tags else "an unknown user"
        assert known in result.reason


def test_a_new_name_that_is_one_connections_own(live: Live, tmp_path: Path) -> None:
    """Also one that is declared after the plan was made."""
    write_renamed(tmp_path)
    desired = desired_in(tmp_path)
    existing = live.broker.read(live.vhost)
    plan = make_plan(existing, desired, replacing=Replacing.IDLE)
    with live.channel() as channel:
        channel.queue_declare("job", exclusive=True)
        report = apply_plan(
            plan, existing, desired, live.broker, with_prune=False, watch=SILENT, replacing=Replacing.IDLE
        )
        assert "job is one connection's own queue: end that connection first" in held_back(live, tmp_path)
    assert {result.reason for result in report.results if isinstance(result.change, Replace)} == {
        "job is one connection's own queue: end that connection first"
    }


def test_a_message_of_another_user(live: Live, tmp_path: Path) -> None:
    """Nobody else may publish it again."""
    with live.channel() as channel:
        channel.queue_purge("work")
    with user(live) as amqp_url:
        publish(amqp_url, live.path, user_id=live.vhost)
        with live_vhost(live.test_broker, live.vhost) as other:
            # guest has the tag 'administrator' only.
            assert f"a message in it is from the user {live.vhost}" in held_back(other, tmp_path)


def test_a_message_whose_headers_fit_into_no_frame_any_more(live: Live, tmp_path: Path) -> None:
    """RabbitMQ takes it once; with what a replacement adds it would take it from nobody."""
    with live.channel() as channel:
        channel.queue_purge("work")
    publish(live.test_broker.amqp_url, live.path, headers={"h": "x" * 131_025}, expiration="3600000")
    assert "1 message in it cannot be published again" in held_back(live, tmp_path)


def test_a_node_with_an_alarm(installation: Installation, tmp_path: Path) -> None:
    """It would block whoever publishes."""
    write(tmp_path, "")
    with running_node(installation) as node, live_vhost(as_broker(node), "/") as there:
        there.apply(desired_in(tmp_path))
        publish(node.amqp_url, there.path)
        write(tmp_path, ", arguments: {x-max-priority: 5}")
        raise_alarm(node)
        # It shows to who publishes, and seconds later in what RabbitMQ tells of its nodes.
        before = there.definitions()
        report = there.apply(desired_in(tmp_path), replacing=Replacing.IDLE)
        [result] = report.results
        assert result.status in {Status.NOT_TRIED, Status.HELD_BACK}
        assert "alarm" in (result.reason or "")
        assert there.definitions() == before
        wait_until(
            lambda: there.http.get("/api/nodes").json()[0]["mem_alarm"], "the node shows its alarm", seconds=60
        )
        reason = held_back(there, tmp_path)
    assert "has a memory alarm: until that is over RabbitMQ takes no messages" in reason


@pytest.mark.parametrize("spec", ["queues: {work: {type: quorum}}", "queues: {work: {}}"])
def test_a_binding_whose_argument_has_no_value(spec: str, live: Live, tmp_path: Path) -> None:
    """It asks for a header, whatever it says. RabbitMQ shows the text 'undefined', which would ask for that."""
    ours = "topology: 1\nowns: [heads, work]\nexchanges: {heads: {type: %s}}\n%s\n"
    (tmp_path / "topology.yaml").write_text(ours % ("headers", "queues: {work: {}}"))
    with live.channel() as channel:
        channel.queue_delete("work")
        live.apply(desired_in(tmp_path))
        channel.queue_bind("work", "heads", "", {"x-match": "all", "tenant": None})
        (tmp_path / "topology.yaml").write_text(ours % ("headers" if "quorum" in spec else "topic", spec))
        channel.basic_publish("heads", "", b"", pika.BasicProperties(headers={"tenant": "a"}), mandatory=True)
        assert "its binding heads -[]-> work cannot be made anew" in held_back(live, tmp_path)
        channel.basic_publish("heads", "", b"", pika.BasicProperties(headers={"tenant": "b"}), mandatory=True)


def test_a_binding_whose_argument_has_no_value_and_that_comes_meanwhile(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed_at(monkeypatch, "BIND_ARRIVING"):
        live.apply(desired_in(tmp_path), replacing=Replacing.IDLE)

    def reached(step: str) -> None:
        if step == "BIND_ARRIVING":
            with live.channel() as channel:
                channel.exchange_declare("heads", "headers", durable=True)
                channel.queue_bind("work", "heads", "", {"x-match": "all", "tenant": None})

    with monkeypatch.context() as patch:
        patch.setattr(boundary, "reached", reached)
        [result] = live.apply(desired_in(tmp_path)).results
    assert result.status is Status.FAILED
    assert "its binding heads -[]-> work cannot be made anew" in (result.reason or "")
    with live.channel() as channel:
        channel.basic_publish("heads", "", b"", pika.BasicProperties(headers={"tenant": "b"}), mandatory=True)
        channel.queue_unbind("work", "heads", "", {"x-match": "all", "tenant": None})
    assert [r.status for r in live.apply(desired_in(tmp_path)).results] == [Status.APPLIED]
