"""`trace --live` on a real RabbitMQ, where connections have queues of their own."""

import pytest

from tests.brokers.fixtures import TestBroker
from tests.cli.command import PATIENCE, Place
from tests.cli.test_live import LivePlace
from tests.live import live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

SPEC = """\
topology: 1
owns: [in]
exchanges: {in: {type: topic}}
"""


@pytest.fixture
def live(place: Place, broker_urls: TestBroker, vhost: str) -> LivePlace:
    return LivePlace(place, broker_urls, vhost)


def test_what_is_a_connections_own_or_named_by_the_server_is_reached(live: LivePlace) -> None:
    (live.place.path / "topology.yaml").write_text(SPEC)
    (live.place.path / "orgs" / "acme.yaml").unlink(missing_ok=True)
    assert live.run("apply").code == 0
    with live_vhost(live.broker, live.vhost) as world, world.channel() as channel:
        channel.queue_declare("own", exclusive=True)
        named = channel.queue_declare("", auto_delete=True).method.queue
        for name in ("own", named):
            channel.queue_bind(name, "in", "all")
            ran = live.run("trace", "--live", "", name)
            assert (ran.code, ran.err) == (0, "")
            assert f"  [{name}] -> queue {name} (a connection's own, or named by the server)\n" in ran.out
            assert ran.out.endswith(f"Reaches {name}.\n")
        ran = live.run("trace", "--live", "in", "all", "--reject")
        assert f"  [all] -> queue {named} (a connection's own, or named by the server)\n" in ran.out
        assert ran.out.endswith(f"Reaches {named}, own.\n")
        assert live.run("trace", "--live", "", "nobody").code == 1


def test_what_the_operator_limits_counts(live: LivePlace) -> None:
    """Of several limits the lowest is in force, and an operator's policy goes besides any other."""
    held = '{"message-ttl": 3600000, "dead-letter-exchange": in, "dead-letter-routing-key": dead}'
    (live.place.path / "topology.yaml").write_text(
        "topology: 1\nowns: [in, work, dead, held]\nexchanges: {in: {type: topic}}\n"
        "queues: {work: {bindings: [{exchange: in, key: a}]}, dead: {bindings: [{exchange: in, key: dead}]}}\n"
        f"policies: {{held: {{pattern: ^work$, apply-to: queues, definition: {held}}}}}\n"
    )
    (live.place.path / "orgs" / "acme.yaml").unlink(missing_ok=True)
    assert live.run("apply").code == 0
    expiring = ("trace", "--live", "in", "a", "--expire")
    assert "expires after 1h" in live.run(*expiring).out
    with live_vhost(live.broker, live.vhost) as world:
        limit = {"pattern": "^work$", "apply-to": "queues", "definition": {"message-ttl": 500}}
        world.http.put(f"/api/operator-policies/{world.path}/limit", json=limit).raise_for_status()
        assert "expires after 500ms" in live.run(*expiring).out
        with world.channel() as channel:
            channel.basic_publish("in", "a", b"", mandatory=True)
            wait_until(
                lambda: channel.basic_get("dead", auto_ack=True)[0] is not None, "it expires", seconds=PATIENCE
            )
