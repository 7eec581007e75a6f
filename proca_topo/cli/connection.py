"""From options to a broker and a vhost."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proca_topo.errors import UsageError
from proca_topo.topology.names import MAX_NAME_BYTES, is_utf8, shown

if TYPE_CHECKING:
    from proca_topo.broker.address import BrokerAddress
    from proca_topo.spec.topology_file import TopologyFile

_EXCERPT: Final = 40


def broker_address(broker: str | None, amqp: str | None) -> "BrokerAddress":
    """Where the broker is. Login data come from the environment only: a command line is seen by others."""
    from proca_topo.broker.address import address

    return address(
        broker,
        amqp=amqp,
        username=os.environ.get("PROCA_TOPO_USERNAME"),
        password=os.environ.get("PROCA_TOPO_PASSWORD"),
    )


def vhost_of(vhost: str | None, topology: "TopologyFile | None") -> str:
    """The option, otherwise what topology.yaml says, otherwise RabbitMQ's default. Raises UsageError."""
    name = vhost or (topology.vhost if topology is not None else None) or "/"
    check_name("the vhost's name", name)
    return name


def check_name(what: str, name: str) -> None:
    """Raise UsageError if AMQP cannot carry a name."""
    if not is_utf8(name):
        raise UsageError(f"{what} is not UTF-8: {shown(name[:_EXCERPT])}")
    if (length := len(name.encode())) > MAX_NAME_BYTES:
        raise UsageError(
            f"{what} is {length} bytes long, and AMQP takes {MAX_NAME_BYTES} at most: {shown(name[:_EXCERPT])}…"
        )


def spec_if_any(directory: Path) -> "TopologyFile | None":
    """The topology, for commands that work without one."""
    from proca_topo.spec.topology_file import read_topology

    return read_topology(directory) if (directory / "topology.yaml").exists() else None


def show_requests(*, verbose: bool) -> None:
    """With `-v`: every request to the broker as a line on stderr."""
    if verbose:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger = logging.getLogger("proca_topo.broker")
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
