"""Private nodes that are one RabbitMQ cluster."""

import secrets
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.kept import KeptProcesses
from proca_topo.sandbox.node import PASSWORD, USERNAME, Node, PortTakenError
from proca_topo.sandbox.ports import HOST, Ports, accepts, free_ports
from proca_topo.sandbox.recipe import Recipe
from tests.brokers.fixtures import TestBroker
from tests.waiting import wait_until

_SECONDS: Final = 300
_TRIES: Final = 3


@contextmanager
def running_cluster(installation: Installation, *, size: int = 3) -> Iterator[Sequence[Node]]:
    """A cluster for the length of a `with` block: 7 s until it is there on 4.x, 20 s on 3.10."""
    with ExitStack() as open_until_the_end:
        yield _started(installation, size, open_until_the_end)


def _started(installation: Installation, size: int, open_until_the_end: ExitStack) -> Sequence[Node]:
    """Its nodes, on other ports where another process has taken one between choosing and using it."""
    for tries_left in reversed(range(_TRIES)):
        with ExitStack() as while_starting:
            try:
                nodes = _start(installation, size, while_starting)
            except PortTakenError:
                if not tries_left:
                    raise
            else:
                open_until_the_end.push(while_starting.pop_all())
                return nodes
    raise AssertionError("the last try returns or raises")


def _start(installation: Installation, size: int, while_starting: ExitStack) -> Sequence[Node]:
    cookie = secrets.token_hex(8)
    names = [f"sandbox-{cookie}-{number}@{HOST}" for number in range(size)]
    lines = [f"cluster_formation.classic_config.nodes.{number} = {name}" for number, name in enumerate(names, 1)]
    conf = "\n".join(["cluster_formation.peer_discovery_backend = classic_config", *lines])
    ports = _ports_for(size)
    nodes = []
    for number, name in enumerate(names):
        processes = KeptProcesses(_parent(installation))
        while_starting.callback(processes.close)
        recipe = Recipe(
            installation=installation,
            directory=processes.directory,
            name=name,
            ports=ports[number],
            extra_conf=conf,
            cookie=cookie,
            has_epmd=number == 0,
        )
        recipe.write()
        nodes.append(Node(recipe, processes))
    with ThreadPoolExecutor(size) as threads:
        first = threads.submit(nodes[0].run)
        # A node that finds no port mapper starts one of its own, which nobody would end.
        wait_until(
            lambda: first.done() or accepts(ports[0].epmd),
            "Erlang's port mapper takes connections",
            seconds=_SECONDS,
        )
        if first.done():
            first.result()  # raises what kept it from starting
        others = [threads.submit(node.run) for node in nodes[1:]]
        for start in (first, *others):
            start.result()
    wait_for_members(nodes[0], size)
    return nodes


def _ports_for(size: int) -> Sequence[Ports]:
    """No two nodes have one in common but that of the port mapper. They are chosen before any of them is taken."""
    first, *others = (free_ports() for _ in range(size))
    found = [first, *(replace(one, epmd=first.epmd) for one in others)]
    distinct = {port for one in found for port in (one.amqp, one.management, one.distribution, one.epmd)}
    return found if len(distinct) == 3 * size + 1 else _ports_for(size)


def as_broker(node: Node) -> TestBroker:
    """A node as what tests talk to."""
    return TestBroker(
        management_url=node.management_url,
        amqp_url=node.amqp_url,
        username=USERNAME,
        password=PASSWORD,
        version=node.version,
    )


def wait_for_members(node: Node, count: int, *, seconds: float = _SECONDS) -> None:
    """Wait until a node sees that many running nodes of its cluster, itself included."""
    wait_until(lambda: _running_members(node) == count, f"{count} nodes of the cluster run", seconds=seconds)


def _running_members(node: Node) -> int:
    with as_broker(node).http() as http:
        return sum(member["running"] for member in http.get("/api/nodes").raise_for_status().json())


def _parent(installation: Installation) -> Path:
    return Path(tempfile.gettempdir()) if installation.root is None else installation.root / "tmp"
