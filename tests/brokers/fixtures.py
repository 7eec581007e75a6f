"""Brokers for tests: one a session (with pytest-xdist: one a worker), a fresh vhost a test."""

import os
import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlsplit

import httpx
import pytest

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.node import PASSWORD, USERNAME, Node, running_node
from tests.brokers.patience import PatientTransport
from tests.brokers.versions import selected

NodeFactory = Callable[[], Node]

_OUTPUT: Final = "rabbitmq_versions"
# A busy RabbitMQ takes its time, so 3.10 to delete thousands of queues.
_PATIENCE_SECONDS: Final = 300


@dataclass(frozen=True, kw_only=True)
class TestBroker:
    """Where the tests' broker is. `amqp_url` ends with `/` and has the credentials in it."""

    __test__ = False

    management_url: str
    amqp_url: str
    username: str
    password: str
    version: str

    def address(self, *, amqp_url: str | None = None) -> BrokerAddress:
        """The same as our own address; with another one for AMQP, if that is given."""
        return address(
            self.management_url,
            amqp=amqp_url or self.amqp_url,
            username=self.username,
            password=self.password,
        )

    def http(self) -> httpx.Client:
        """A client of its management API: `get("/api/overview")`."""
        return _client(self.management_url, self.username, self.password)


_seen_versions = pytest.StashKey[set[str]]()


@pytest.fixture(scope="session")
def installation() -> Installation:
    """The RabbitMQ that private nodes run."""
    return selected().installation()


@pytest.fixture(scope="session")
def broker_urls(request: pytest.FixtureRequest) -> Iterator[TestBroker]:
    """The session's broker: the one that PROCA_TOPO_TEST_BROKER names, else a private node."""
    url = os.environ.get("PROCA_TOPO_TEST_BROKER")
    if url:
        broker = _running_already(url)
        _remember(request.config, broker.version)
        yield broker
        return
    with running_node(request.getfixturevalue("installation")) as node:
        _remember(request.config, node.version)
        yield TestBroker(
            management_url=node.management_url,
            amqp_url=node.amqp_url,
            username=USERNAME,
            password=PASSWORD,
            version=node.version,
        )


@contextmanager
def new_vhost(broker: TestBroker) -> Iterator[str]:
    """A new vhost, with full permissions for the broker's user, deleted after the block."""
    name = f"test-{secrets.token_hex(6)}"
    with broker.http() as http:
        http.put(f"/api/vhosts/{name}").raise_for_status()
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        user = quote(broker.username, safe="")
        http.put(f"/api/permissions/{name}/{user}", json=everything).raise_for_status()
        try:
            yield name
        finally:
            _remove(broker, name)


def _remove(broker: TestBroker, vhost: str) -> None:
    """A vhost, if RabbitMQ lets it go: 3.10 answers 500 for good where an exclusive queue is bound to an exchange.

    Where it takes minutes, on a slow disk, RabbitMQ ends the connection without an answer, and goes on.
    """
    url, login = f"{broker.management_url}/api/vhosts/{vhost}", (broker.username, broker.password)
    with suppress(httpx.RemoteProtocolError):
        httpx.delete(url, auth=login, timeout=_PATIENCE_SECONDS, trust_env=False)


@pytest.fixture
def vhost(broker_urls: TestBroker) -> Iterator[str]:
    """A new vhost of the session's broker."""
    with new_vhost(broker_urls) as name:
        yield name


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where nothing listens, and nothing will: this process has it, and takes no connections."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture
def node_factory(installation: Installation, request: pytest.FixtureRequest) -> Iterator[NodeFactory]:
    """Starts nodes that a test may kill and restart; they are gone after it."""
    with ExitStack() as nodes:

        def start() -> Node:
            node = nodes.enter_context(running_node(installation))
            _remember(request.config, node.version)
            return node

        yield start


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a pytest-xdist worker saw."""
    for version in getattr(node, "workeroutput", {}).get(_OUTPUT, ()):
        _remember(node.config, version)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the brokers said they were."""
    versions = config.stash.get(_seen_versions, set())
    if versions:
        terminalreporter.write_line(f"ran on RabbitMQ {', '.join(sorted(versions))}")


def _remember(config: pytest.Config, version: str) -> None:
    seen = config.stash.setdefault(_seen_versions, set())
    seen.add(version)
    if hasattr(config, "workeroutput"):
        config.workeroutput[_OUTPUT] = sorted(seen)


def _running_already(url: str) -> TestBroker:
    username = os.environ.get("PROCA_TOPO_USERNAME", USERNAME)
    password = os.environ.get("PROCA_TOPO_PASSWORD", PASSWORD)
    credentials = f"{quote(username, safe='')}:{quote(password, safe='')}"
    with _client(url, username, password) as http:
        version = http.get("/api/overview").raise_for_status().json()["rabbitmq_version"]
    return TestBroker(
        management_url=url,
        amqp_url=os.environ.get("PROCA_TOPO_TEST_AMQP", f"amqp://{credentials}@{urlsplit(url).hostname}:5672/"),
        username=username,
        password=password,
        version=version,
    )


def _client(url: str, username: str, password: str) -> httpx.Client:
    # Settings for proxies in the environment are not for a broker on this machine.
    return httpx.Client(
        base_url=url,
        auth=(username, password),
        timeout=_PATIENCE_SECONDS,
        trust_env=False,
        transport=PatientTransport(),
    )
