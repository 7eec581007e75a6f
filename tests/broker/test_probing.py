"""Probes are seen wherever they are, and what RabbitMQ refuses is told."""

import os
import signal
from collections.abc import Callable, Collection, Iterator
from threading import Timer
from typing import Any

import pytest

from proca_topo.broker.address import address
from proca_topo.broker.trial.probes import Arrival, Probe, Round
from proca_topo.broker.trial.probing import Probing, probing
from proca_topo.errors import BrokerError
from proca_topo.sandbox.node import Node
from proca_topo.topology.routing.matching import Message
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.brokers.leaders import resume, suspend
from tests.live import live_vhost

pytestmark = pytest.mark.broker


@pytest.fixture
def world(broker_urls: TestBroker, vhost: str) -> Iterator[Probing]:
    """Work that is rejected into a queue where it waits for 200 ms, to be rejected into one where it stays."""
    back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work"}
    queues: dict[str, dict[str, Any]] = {
        "work": {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "wait"},
        "wait": {**back, "x-message-ttl": 200},
        "quorum": {**back, "x-queue-type": "quorum"},
        "stream": {"x-queue-type": "stream"},
        "priority": {"x-max-priority": 5},
        "single": {"x-single-active-consumer": True},
        "idle": {},
    }
    with live_vhost(broker_urls, vhost) as live:
        with live.channel() as channel:
            channel.exchange_declare("all", "fanout")
            for name, arguments in queues.items():
                channel.queue_declare(name, durable=True, arguments=arguments)
                if name not in {"wait", "idle"}:
                    channel.queue_bind(name, "all")
        where = address(broker_urls.management_url, amqp=broker_urls.amqp_url)
        with probing(where, vhost) as opened:
            yield opened


ALL = ("work", "wait", "quorum", "stream", "priority", "single", "idle")
STREAMS = frozenset({"stream"})


def _to(exchange: str, *, key: str = "", count: int = 1) -> dict[str, Probe]:
    return {
        f"{exchange}-{key}-{number}": Probe(exchange=exchange, message=Message(routing_key=key))
        for number in range(count)
    }


def test_all_queues_that_a_probe_reaches(world: Probing) -> None:
    """Of any type, and with thousands of probes at the same time."""
    told: list[int] = []
    probes = _to("all", count=2_500)
    arrivals = world.run(Round(probes=probes, consumed=ALL, streams=STREAMS), told.append)
    reached = {"work", "quorum", "stream", "priority", "single"}
    assert arrivals == {Arrival(probe, queue) for probe in probes for queue in reached}
    assert sum(told) == 2_500


def test_rounds_one_after_the_other_have_their_own_probes(world: Probing) -> None:
    """Consumers come and go with what a round asks for; a stream still has what came before."""
    first = world.run(Round(probes=_to("all"), consumed=ALL, streams=STREAMS), lambda _: None)
    others = [name for name in ALL if name not in {"wait", "single"}]
    second = world.run(Round(probes=_to("", key="stream"), consumed=others, streams=STREAMS), lambda _: None)
    third = world.run(Round(probes=_to("", key="single"), consumed=ALL, streams=STREAMS), lambda _: None)
    assert len(first) == 5
    assert second == {Arrival("-stream-0", "stream")}
    assert third == {Arrival("-single-0", "single")}


def test_what_is_rejected_comes_back_and_is_not_rejected_again(world: Probing) -> None:
    consumed = [name for name in ALL if name != "wait"]
    order = Round(
        probes=_to("all", count=50), consumed=consumed, streams=STREAMS, left_alone=["wait"], rejects=True
    )
    arrivals = world.run(order, lambda _: None)
    # The copy in the quorum queue is rejected into `work`, as another one.
    assert {queue for _, queue in arrivals} == {"work", "stream"}
    assert len(arrivals) == 100


def test_what_stays_where_it_should_expire_has_arrived_there(world: Probing) -> None:
    order = Round(probes=_to("", key="idle"), consumed=["work"], left_alone=["wait", "idle"])
    assert world.run(order, lambda _: None) == {Arrival("-idle-0", "idle")}


def test_what_waits_is_waited_for(world: Probing) -> None:
    order = Round(probes=_to("", key="wait", count=10), consumed=["work"], left_alone=["wait"])
    assert {queue for _, queue in world.run(order, lambda _: None)} == {"work"}


Standing = tuple[Callable[[Node], None], Callable[[Node], None]]
# A leader that does not answer, for which RabbitMQ says that there is nothing; a machine where nothing goes on.
LEADER: Standing = (lambda node: suspend(node, "/", "wait"), lambda node: resume(node, "/", "wait"))
NODE: Standing = (lambda node: os.kill(node.pid, signal.SIGSTOP), lambda node: os.kill(node.pid, signal.SIGCONT))


@pytest.mark.parametrize("standing", [LEADER, NODE], ids=["leader", "node"])
def test_what_stands_still_for_a_while_is_waited_for(
    standing: Standing, node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for what has nothing more, nor for what keeps what it has."""
    node = node_factory()
    look = Probing._counts  # noqa: SLF001 - the moment between two looks
    halt, go_on = standing
    timers: list[Timer] = []

    def look_and_halt(self: Probing, queues: Collection[str]) -> dict[str, int]:
        counts = look(self, queues)
        if not timers:
            halt(node)
            timers.append(Timer(6, go_on, [node]))
            timers[0].start()
        return counts

    monkeypatch.setattr(Probing, "_counts", look_and_halt)
    back = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work", "x-message-ttl": 8000}
    with live_vhost(as_broker(node), "/") as live:
        with live.channel() as channel:
            channel.queue_declare("work", durable=True)
            channel.queue_declare("wait", durable=True, arguments={**back, "x-queue-type": "quorum"})
        with probing(live.address, "/") as opened:
            order = Round(probes=_to("", key="wait"), consumed=["work"], left_alone=["wait"])
            arrivals = opened.run(order, lambda _: None)
            timers[0].join()
            assert arrivals == {Arrival("-wait-0", "work")}


def test_an_exchange_that_is_not_there_ends_it(world: Probing) -> None:
    with pytest.raises(BrokerError, match=r"^the broker refused a probe: no exchange 'nowhere' in vhost "):
        world.run(Round(probes=_to("nowhere"), consumed=ALL, streams=STREAMS), lambda _: None)


def test_a_queue_that_is_not_there_ends_it(world: Probing) -> None:
    with pytest.raises(BrokerError, match="no queue 'nowhere' in vhost "):
        world.run(Round(probes=_to("all"), consumed=["nowhere"]), lambda _: None)
