"""Ports for a node on this machine."""

import random
import socket
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"

# Below where Linux takes ports for outgoing connections, so that nothing gets them while a node is restarting.
_RANGE: Final = range(10_000, 32_000)


@dataclass(frozen=True, kw_only=True)
class Ports:
    """A node's ports on 127.0.0.1."""

    amqp: int
    management: int
    distribution: int
    epmd: int


def free_ports() -> Ports:
    """Ports that are free now. Chosen at random, so that nodes that start at the same time hardly meet."""
    free = {name: _free_port() for name in ("amqp", "management", "distribution", "epmd")}
    return Ports(**free) if len(set(free.values())) == len(free) else free_ports()


def accepts(port: int) -> bool:
    """Whether something listens there."""
    try:
        socket.create_connection((HOST, port), timeout=5).close()
    except OSError:
        return False
    return True


def _free_port() -> int:
    while True:
        port = random.choice(_RANGE)  # noqa: S311 - no secret
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port
