"""Our broker objects on a real broker, and on a definitions file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.definitions_file import DefinitionsFile
from proca_topo.broker.management import ManagementBroker
from proca_topo.broker.protocol import Broker
from tests.brokers.fixtures import TestBroker


@dataclass(frozen=True, kw_only=True)
class Place:
    """A broker and a vhost on it that is empty at first."""

    broker: Broker
    vhost: str


@pytest.fixture
def where(broker_urls: TestBroker) -> BrokerAddress:
    """The session's broker as our own address."""
    return address(
        broker_urls.management_url,
        amqp=broker_urls.amqp_url,
        username=broker_urls.username,
        password=broker_urls.password,
    )


@pytest.fixture
def management(where: BrokerAddress) -> Iterator[ManagementBroker]:
    """Our broker object for the session's broker."""
    broker = ManagementBroker(where)
    yield broker
    broker.close()


@pytest.fixture
def http(broker_urls: TestBroker) -> Iterator[httpx.Client]:
    """RabbitMQ's own door, to put things there by other hands than ours."""
    with broker_urls.http() as client:
        yield client


@dataclass(frozen=True, kw_only=True)
class Raw:
    """One vhost through RabbitMQ's own door."""

    http: httpx.Client
    vhost: str

    def put(self, kind: str, name: str, **body: Any) -> None:
        """Declare a queue, an exchange or a policy as anybody could."""
        self._send("PUT", f"/api/{kind}/{self.vhost}/{quote(name, safe='')}", body)

    def bind(self, source: str, queue: str, key: str, arguments: dict[str, Any] | None = None) -> None:
        """Bind a queue as anybody could."""
        path = f"/api/bindings/{self.vhost}/e/{quote(source, safe='')}/q/{quote(queue, safe='')}"
        self._send("POST", path, {"routing_key": key, "arguments": arguments or {}})

    def names(self, kind: str) -> set[str]:
        """The names that RabbitMQ lists, without its own."""
        listed = self.http.get(f"/api/{kind}/{self.vhost}").raise_for_status().json()
        return {entry["name"] for entry in listed if entry["name"] and not entry["name"].startswith("amq.")}

    def _send(self, method: str, path: str, body: dict[str, Any]) -> None:
        self.http.request(method, path, json=body).raise_for_status()


@pytest.fixture
def raw(http: httpx.Client, vhost: str) -> Raw:
    """The test's vhost through RabbitMQ's own door."""
    return Raw(http=http, vhost=vhost)


@pytest.fixture(params=["file", pytest.param("management", marks=pytest.mark.broker)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty vhost on a real broker, and one in a definitions file: both must behave the same."""
    if request.param == "management":
        broker: Broker = request.getfixturevalue("management")
        return Place(broker=broker, vhost=request.getfixturevalue("vhost"))
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps({"vhosts": [{"name": "here"}, {"name": "elsewhere"}]}))
    return Place(broker=DefinitionsFile(path), vhost="here")
