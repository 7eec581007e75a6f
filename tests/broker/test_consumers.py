"""How many consumers there are is told to every user alike."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing

import httpx
import pika
import pytest

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.management import ManagementBroker
from tests.broker.conftest import Place
from tests.broker.raw import Raw
from tests.brokers.fixtures import TestBroker

SOON_SECONDS = 60.0


@pytest.fixture
def consumed(broker_urls: TestBroker, raw: Raw) -> Iterator[Mapping[str, int]]:
    """Three queues, and the consumers that each has."""
    for name in ("none", "one", "two"):
        raw.put("queues", name, durable=True)
    connection = pika.BlockingConnection(pika.URLParameters(f"{broker_urls.amqp_url}{raw.vhost}"))
    channel = connection.channel()
    for name in ("one", "two", "two"):
        channel.basic_consume(name, lambda *_: None)
    yield {"one": 1, "two": 2}
    connection.close()


@pytest.mark.broker
@pytest.mark.parametrize("tags", ["administrator", "monitoring", "management", "policymaker"])
def test_whoever_asks_gets_to_know_of_all_consumers(
    where: BrokerAddress, http: httpx.Client, consumed: Mapping[str, int], vhost: str, tags: str
) -> None:
    """RabbitMQ lists only a user's own consumers to those who are neither administrators nor there to monitor."""
    http.put(f"/api/users/{vhost}", json={"password": "x", "tags": tags}).raise_for_status()
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    http.put(f"/api/permissions/{vhost}/{vhost}", json=everything).raise_for_status()
    try:
        amqp = f"amqp://{where.amqp_location.removeprefix('amqp://')}"
        with closing(ManagementBroker(address(where.location, amqp=amqp, username=vhost, password="x"))) as broker:
            assert _in_the_end(broker, vhost, consumed) == consumed
    finally:
        http.delete(f"/api/users/{vhost}")


def test_an_empty_vhost_has_none(place: Place) -> None:
    assert place.broker.consumers(place.vhost) == {}


def _in_the_end(broker: ManagementBroker, vhost: str, expected: Mapping[str, int]) -> Mapping[str, int]:
    """What it tells as soon as RabbitMQ's statistics are current."""
    deadline = time.monotonic() + SOON_SECONDS
    while True:
        told = broker.consumers(vhost)
        assert told is not None
        found = {name: count for name, count in told.items() if count}
        if found == expected or time.monotonic() > deadline:
            return found
        time.sleep(0.2)
