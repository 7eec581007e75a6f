"""One vhost on a real broker, as tests use it: what is put there by other hands than ours, and our own broker."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from proca_topo.apply.report import Report
from proca_topo.apply.run import apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT, Watcher
from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.amqp import counting
from proca_topo.broker.connect import open_broker
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.desired import Desired
from tests.brokers.fixtures import TestBroker

# A second each.
_ASKED: Final = 60
_CONNECT_SECONDS: Final = 60


@dataclass(frozen=True, kw_only=True)
class Live:
    """A vhost, our broker object for it, and RabbitMQ's own doors: HTTP and AMQP."""

    test_broker: TestBroker
    vhost: str
    address: BrokerAddress
    broker: Broker
    http: httpx.Client

    @property
    def path(self) -> str:
        """The vhost as it stands in a URL."""
        return quote(self.vhost, safe="")

    def load(self, definitions: Mapping[str, Any]) -> None:
        """Put definitions there the way RabbitMQ itself imports them."""
        self.http.post(f"/api/definitions/{self.path}", json=dict(definitions)).raise_for_status()

    def definitions(self) -> dict[str, Any]:
        """RabbitMQ's own export of the vhost, sorted, so that two of them can be compared."""
        exported: dict[str, Any] = self.http.get(f"/api/definitions/{self.path}").raise_for_status().json()
        return {
            section: sorted(exported[section], key=repr)
            for section in ("exchanges", "queues", "bindings", "policies")
        }

    @contextmanager
    def channel(self, *, confirms: bool = True) -> Iterator[BlockingChannel]:
        """A channel as any client has it, with publisher confirms unless a transaction is to be begun."""
        parameters = pika.URLParameters(f"{self.test_broker.amqp_url}{self.path}")
        # A test answers no heartbeats while it does something else, and a busy broker may take long to let it in.
        parameters.heartbeat = 0
        parameters.socket_timeout = parameters.stack_timeout = _CONNECT_SECONDS
        connection = pika.BlockingConnection(parameters)
        try:
            channel = connection.channel()
            if confirms:
                channel.confirm_delivery()
            yield channel
        finally:
            if connection.is_open:
                connection.close()

    def ready(self, queue: str) -> int:
        """How many messages wait in a queue, as it says itself: of one that has no time RabbitMQ says that it is
        empty.
        """
        with self.channel() as channel:
            for _ in range(_ASKED):
                if (counts := counting.count(channel, queue)) is not None:
                    return int(counts.message_count)
        raise AssertionError(f"{queue} does not answer")

    def fill(self, queue: str, count: int) -> None:
        """Publish so many persistent messages straight to a queue, confirmed."""
        with self.channel() as channel:
            for number in range(count):
                channel.basic_publish(
                    "", queue, str(number).encode(), pika.BasicProperties(delivery_mode=2), mandatory=True
                )

    def apply(
        self,
        desired: Desired,
        *,
        with_prune: bool = False,
        replacing: Replacing = Replacing.FINISHING,
        watch: Watcher = SILENT,
    ) -> Report:
        """Plan and apply, as the command does."""
        existing = read_existing(self.broker, self.vhost, desired, with_prune=with_prune, replacing=replacing)
        plan = make_plan(existing, desired, with_prune=with_prune, replacing=replacing)
        return apply_plan(
            plan, existing, desired, self.broker, with_prune=with_prune, watch=watch, replacing=replacing
        )


@contextmanager
def live_vhost(test_broker: TestBroker, vhost: str, *, amqp_url: str | None = None) -> Iterator[Live]:
    """The test's vhost with everything open. Our own AMQP goes to `amqp_url`, if that is given."""
    where = test_broker.address(amqp_url=amqp_url)
    broker = open_broker(where)
    try:
        with test_broker.http() as http:
            yield Live(test_broker=test_broker, vhost=vhost, address=where, broker=broker, http=http)
    finally:
        broker.close()


def desired_in(directory: Path, orgs: tuple[str, ...] = ()) -> Desired:
    """What the spec in a folder says, for all orgs or for some."""
    return load_desired(read_topology(directory), orgs=orgs or None)


def reject_next(channel: BlockingChannel, queue: str) -> None:
    """Wait for a message in a queue, and reject it."""
    method = None
    while method is None:
        method, _, _ = channel.basic_get(queue)
    channel.basic_nack(method.delivery_tag, requeue=False)


@pytest.fixture
def live(broker_urls: TestBroker, vhost: str) -> Iterator[Live]:
    """The test's vhost, with nothing in it."""
    with live_vhost(broker_urls, vhost) as found:
        yield found


@contextmanager
def restricted(
    live: Live, *, read: str = ".*", configure: str = ".*", tags: str = "administrator"
) -> Iterator[Broker]:
    """The same broker for a user with these tags who may read, and declare, only what matches."""
    user = f"{live.vhost}-restricted"
    live.http.put(f"/api/users/{user}", json={"password": "x", "tags": tags}).raise_for_status()
    rights = {"configure": configure, "write": ".*", "read": read}
    live.http.put(f"/api/permissions/{live.path}/{user}", json=rights).raise_for_status()
    amqp = live.test_broker.amqp_url.replace("guest:guest", f"{user}:x")
    broker = open_broker(address(live.test_broker.management_url, amqp=amqp, username=user, password="x"))
    try:
        yield broker
    finally:
        broker.close()
        live.http.delete(f"/api/users/{user}").raise_for_status()
