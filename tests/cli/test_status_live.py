"""`status` on a real RabbitMQ that has one of everything there is to tell."""

import time
from typing import Any, Final

import pytest

from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Queue
from tests.cli.command import Place
from tests.cli.test_live import LivePlace
from tests.live import Live, live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

SPEC: Final = """\
topology: 1
owns: ["system.*", deliver, "{org}.crm", "{org}.confirm"]
exchanges: {deliver: {type: topic}}
retry:
  system: {delay: 1h, fail: system.fail, wait: system.wait, return: system.return}
queues:
  system.mail: {retry: system, bindings: [{exchange: deliver, key: "*.mail"}]}
org:
  options: {crm: {default: true}}
  queues:
    "{org}.confirm": {}
    "{org}.crm": {when: crm, bindings: [{exchange: deliver, key: "{org}.#"}]}
"""
REPLACED: Final = Replaced(was=Queue(name="acme.confirm", type="classic"), becomes="acme.confirm")
# RabbitMQ counts consumers, and on 3.10 single queues, in its statistics.
SOON_SECONDS: Final = 180.0


@pytest.fixture
def live(place: Place, broker_urls: Any, vhost: str) -> LivePlace:
    (place.path / "topology.yaml").write_text(SPEC)
    place.write_org("acme")
    place.write_org("beta")
    return LivePlace(place, broker_urls, vhost)


def _all_that_can_be(live: LivePlace) -> None:
    """Two rejected messages, one of them waiting for its turn; a queue with no consumer; one that is retired; and
    what an interrupted replacement leaves.
    """
    assert live.run("apply").code == 0
    with live_vhost(live.broker, live.vhost) as world:
        world.fill("acme.crm", 3)
        world.fill("beta.crm", 4)
        world.fill("system.mail", 2)
        _reject(world, "system.mail", 2, waiting="system.wait")
        with world.channel() as channel:
            for name in (REPLACED.holding.parked, REPLACED.holding.arriving):
                channel.queue_declare(name, durable=True, arguments=REPLACED.arguments)
            channel.exchange_declare(REPLACED.holding.back, "fanout", durable=True, arguments=REPLACED.arguments)
        world.fill(REPLACED.holding.parked, 5)
        world.fill(REPLACED.holding.arriving, 1)
    live.place.write_org("beta", "options: {crm: false}\n")


def _reject(world: Live, queue: str, count: int, *, waiting: str) -> None:
    with world.channel() as channel:
        for _ in range(count):
            method, _, _ = channel.basic_get(queue)
            assert method is not None
            channel.basic_reject(method.delivery_tag, requeue=False)
        wait_until(
            lambda: channel.queue_declare(waiting, passive=True).method.message_count == count,
            f"what was rejected is in {waiting}",
            seconds=SOON_SECONDS,
        )


def test_everything_at_once(live: LivePlace) -> None:
    _all_that_can_be(live)
    ran = live.run("status")
    assert (ran.code, ran.err) == (0, "")
    header, _, rest = ran.out.partition("\n")
    assert header == (
        f"Status of vhost {live.vhost} on {live.broker.management_url} (RabbitMQ {live.broker.version})"
    )
    assert (
        rest
        == """\
6 queues: 7 messages ready, 0 unacknowledged, 0 consumers
2 messages wait in retry circuits
6 messages are held by replacements under way

Replacements under way
  acme.confirm
      holds 6 messages (5 that were in it, 1 that came since); the old queue is
      gone; apply finishes it

Messages and no consumer
     ready  unacked  consumers  queue
         3        0          0  acme.crm

No longer in the spec
     ready  unacked  consumers  queue
         4        0          0  beta.crm
            waits: 4 messages in it
            1 binding still brings it messages: apply --prune unbinds it

Waiting to come back
         2 in system.wait, back within 1h
            to system.mail

By org
     ready  unacked  consumers  waiting  org
         4        0          0        0  beta
         3        0          0        0  acme
         0        0          0        2  (shared)

3 queues are empty and in the spec; --all lists them.
"""
    )


def test_a_retired_queue_is_unbound_and_drains(live: LivePlace) -> None:
    assert live.run("apply").code == 0
    with live_vhost(live.broker, live.vhost) as world:
        world.fill("beta.crm", 1)
    live.place.write_org("beta", "options: {crm: false}\n")
    assert live.run("apply", "--prune").code == 0
    [leaving] = [
        queue
        for queue in live.run("status", "--format", "json").document()["queues"]
        if queue["state"] == "leaving"
    ]
    assert (leaving["name"], leaving["waits_for"], leaving["routes"]) == ("beta.crm", "1 message in it", 0)


def test_one_org_has_its_own_queues_and_replacements(live: LivePlace) -> None:
    _all_that_can_be(live)
    acme = _in_the_end(live, {"acme.crm": 3}, "--org", "acme")
    assert [one["queue"] for one in acme["replacements"]] == ["acme.confirm"]
    assert {queue["name"] for queue in acme["queues"]} == {"acme.crm", "acme.confirm"}
    beta = _in_the_end(live, {"beta.crm": 4}, "--org", "beta")
    assert (beta["replacements"], beta["summary"]["held"]) == ([], 0)
    assert {queue["name"]: queue["state"] for queue in beta["queues"]} == {
        "beta.crm": "leaving",
        "beta.confirm": "idle",
    }


def test_consumers_and_what_they_hold(live: LivePlace) -> None:
    live.run("apply")
    with live_vhost(live.broker, live.vhost) as world:
        world.fill("acme.crm", 5)
        with world.channel() as channel:
            channel.basic_qos(prefetch_count=2)
            channel.basic_consume("acme.crm", lambda *_: None)
            deadline = time.monotonic() + SOON_SECONDS
            while True:
                channel.connection.process_data_events(0.2)
                document = live.run("status", "--format", "json").document()
                told = [
                    (queue["name"], queue["ready"], queue["unacknowledged"], queue["consumers"])
                    for queue in document["queues"]
                    if queue["state"] == "busy"
                ]
                if told == [("acme.crm", 3, 2, 1)] or time.monotonic() > deadline:
                    break
    assert told == [("acme.crm", 3, 2, 1)]


def _in_the_end(live: LivePlace, ready: dict[str, int], *arguments: str) -> Any:
    """The status once RabbitMQ has counted these messages: 3.10 counts a single queue's late."""
    deadline = time.monotonic() + SOON_SECONDS
    while True:
        document = live.run("status", "--format", "json", *arguments).document()
        counted = {queue["name"]: queue["ready"] for queue in document["queues"]}
        if counted | ready == counted or time.monotonic() > deadline:
            assert counted | ready == counted
            return document
