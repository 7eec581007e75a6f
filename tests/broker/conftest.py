"""Our broker objects on a real broker, and on a definitions file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.definitions.file import DefinitionsFile
from proca_topo.broker.management import ManagementBroker
from proca_topo.broker.moving import transfer
from proca_topo.broker.protocol import Broker
from tests.broker.raw import Raw
from tests.broker.tracks import CLASSIC, QUORUM, Tracks
from tests.brokers.fixtures import TestBroker


@dataclass(frozen=True, kw_only=True)
class Place:
    """A broker and a vhost on it that is empty at first."""

    broker: Broker
    vhost: str


@pytest.fixture
def where(broker_urls: TestBroker) -> BrokerAddress:
    """The session's broker as our own address."""
    return broker_urls.address()


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


@pytest.fixture(params=[CLASSIC, QUORUM])
def tracks(request: pytest.FixtureRequest, where: BrokerAddress, http: httpx.Client, vhost: str) -> Tracks:
    """A vhost to move messages in, once for each type of queue."""
    return Tracks(where=where, vhost=vhost, http=http, kind=request.param)


@pytest.fixture
def time_to_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is under way when a move fails can be finished also where the disk is slow."""
    monkeypatch.setattr(transfer, "_FINISH_SECONDS", 60.0)
