"""The replacement of an exchange that could not come to its end is refused, and nothing has been changed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from proca_topo.apply.report import Status
from proca_topo.plan.changes import Replacing
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.brokers.leaders import resume, suspend
from tests.live import Live, desired_in, live_vhost

pytestmark = pytest.mark.broker


def write(folder: Path, kind: str) -> None:
    (folder / "topology.yaml").write_text(
        f"topology: 1\nowns: [in, work]\nexchanges: {{in: {{type: {kind}}}}}\n"
        "queues: {work: {bindings: [{exchange: in, key: a.b}]}}\n"
    )


@pytest.fixture
def live(broker_urls: TestBroker, vhost: str, tmp_path: Path) -> Iterator[Live]:
    """With an exchange that is about to become another."""
    with live_vhost(broker_urls, vhost) as opened:
        write(tmp_path, "topic")
        opened.apply(desired_in(tmp_path))
        write(tmp_path, "direct")
        yield opened


@contextmanager
def user(live: Live, *, configure: str = ".*", tags: str = "") -> Iterator[TestBroker]:
    """The broker for a user named as the vhost."""
    http, name = live.http, live.vhost
    http.put(f"/api/users/{name}", json={"password": "x", "tags": tags}).raise_for_status()
    permissions = {"configure": configure, "write": ".*", "read": ".*"}
    http.put(f"/api/permissions/{live.path}/{name}", json=permissions).raise_for_status()
    try:
        url = live.test_broker.amqp_url.replace("guest:guest", f"{name}:x")
        yield replace(live.test_broker, amqp_url=url, username=name, password="x")
    finally:
        http.delete(f"/api/users/{name}")


def held_back(live: Live, by: Live, folder: Path) -> str:
    """The reason; nothing has been changed by then."""
    before = live.definitions()
    [result] = by.apply(desired_in(folder), replacing=Replacing.IDLE).results
    assert (result.status, live.definitions()) == (Status.HELD_BACK, before)
    return result.reason or ""


def test_a_user_who_may_not_set_policies(live: Live, tmp_path: Path) -> None:
    with user(live, tags="management") as broker, live_vhost(broker, live.vhost) as theirs:
        reason = held_back(live, theirs, tmp_path)
    assert "policies take the tag 'policymaker'" in reason


def test_an_amqp_user_who_may_not_declare_it(live: Live, tmp_path: Path) -> None:
    with (
        user(live, configure="^proca-topo") as broker,
        live_vhost(live.test_broker, live.vhost, amqp_url=broker.amqp_url) as theirs,
    ):
        reason = held_back(live, theirs, tmp_path)
    assert (
        f"the AMQP user '{live.vhost}', who puts the new exchange in its place, may not configure 'in'" in reason
    )


def test_a_type_that_the_broker_does_not_know(live: Live, tmp_path: Path) -> None:
    write(tmp_path, "x-unheard-of")
    assert "it is not known which bindings make an exchange of the type x-unheard-of" in held_back(
        live, live, tmp_path
    )


def test_a_queue_that_gets_a_consumer_at_the_last_moment_keeps_its_dead_letters(
    live: Live, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange is there all the while; once the consumer is gone the next apply goes on."""
    live.load(
        {
            "queues": [
                {
                    "name": "dead",
                    "durable": True,
                    "auto_delete": False,
                    "arguments": {"x-dead-letter-exchange": "in"},
                }
            ]
        }
    )
    desired = desired_in(tmp_path)
    with live.channel() as channel:
        channel.basic_publish("", "dead", b"")
        [result] = live.apply(desired, replacing=Replacing.IDLE).results
        assert result.status is Status.HELD_BACK
        assert "dead letters of dead, which has 1 message in it, would be lost" in (result.reason or "")
        channel.queue_purge("dead")

        def reached(step: str) -> None:
            if step == "SWAP":
                channel.basic_consume("dead", lambda *_: None)

        with monkeypatch.context() as patch:
            patch.setattr("proca_topo.apply.replacing.boundary.reached", reached)
            [result] = live.apply(desired, replacing=Replacing.IDLE).results
        assert result.status is Status.FAILED
        assert "dead has consumers on it by now, and its dead letters would be lost" in (result.reason or "")
    [result] = live.apply(desired).results
    assert result.status is Status.APPLIED
    assert [one["name"] for one in live.definitions()["exchanges"]] == ["in"]


def test_a_queue_that_does_not_answer_at_the_last_moment_keeps_its_dead_letters(
    node_factory: NodeFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ then says that it has none, and no consumers either."""
    node = node_factory()
    letters = {"x-queue-type": "quorum", "x-dead-letter-exchange": "in"}

    def reached(step: str) -> None:
        if step == "SWAP":
            suspend(node, "/", "dead")

    with live_vhost(as_broker(node), "/") as there:
        write(tmp_path, "topic")
        there.apply(desired_in(tmp_path))
        there.load({"queues": [{"name": "dead", "durable": True, "auto_delete": False, "arguments": letters}]})
        write(tmp_path, "direct")
        with monkeypatch.context() as patch:
            patch.setattr("proca_topo.apply.replacing.boundary.reached", reached)
            [result] = there.apply(desired_in(tmp_path), replacing=Replacing.IDLE).results
        assert result.status is Status.FAILED
        assert "dead has messages in it that cannot be counted by now" in (result.reason or "")
        resume(node, "/", "dead")
        [result] = there.apply(desired_in(tmp_path)).results
        assert result.status is Status.APPLIED
