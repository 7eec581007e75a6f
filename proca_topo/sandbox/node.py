"""A private RabbitMQ node, gone without a trace when its owner is."""

import base64
import http.client
import json
import os
import random
import secrets
import signal
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from proca_topo.errors import SandboxError
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.kept import KeptProcesses
from proca_topo.sandbox.recipe import HOST, Ports, Recipe

USERNAME: Final = "guest"
PASSWORD: Final = "guest"  # noqa: S105 - RabbitMQ's own default, and this broker listens on 127.0.0.1 only

# Below where Linux takes ports for outgoing connections, so that nothing gets them while a node is restarting.
_PORTS: Final = range(10_000, 32_000)
_PORT_TRIES: Final = 5

_START_SECONDS: Final = 120
# 3.10 takes some 6 seconds to stop.
_STOP_SECONDS: Final = 60
_POLL_SECONDS: Final = 0.05
_LOG_LINES: Final = 15


class Node:
    """A RabbitMQ node with data, ports and an Erlang port mapper of its own, reachable from this machine only.

    It has the user guest (password guest) with all permissions on the vhost /, and the management plugin. Its
    processes and files go when it is closed, and also when this process ends in any way, SIGKILL included. Its
    memory and disk alarms are set so that they do not fire in tests.
    """

    def __init__(self, recipe: Recipe, processes: KeptProcesses) -> None:
        self._recipe = recipe
        self._processes = processes
        self._epmd = 0
        self.pid = 0
        self.version = ""

    @classmethod
    def start(cls, installation: Installation, *, extra_conf: str = "") -> Self:
        """Start a node and wait until it is ready for HTTP and AMQP: 3 to 10 seconds.

        `extra_conf` are more lines for `rabbitmq.conf`. Raises `SandboxError`, with the end of the node's log,
        where it does not start; nothing is left of it then.
        """
        for tries_left in reversed(range(_PORT_TRIES)):
            processes = KeptProcesses(_parent_directory(installation))
            try:
                recipe = Recipe(
                    installation=installation,
                    directory=processes.directory,
                    name=f"sandbox-{secrets.token_hex(4)}@localhost",
                    ports=_free_ports(),
                    extra_conf=extra_conf,
                )
                node = cls(recipe, processes)
                recipe.write()
                node._run()
            except _PortTakenError:
                processes.close()
                if not tries_left:
                    raise
            except BaseException:
                processes.close()
                raise
            else:
                return node
        raise AssertionError("the last try returns or raises")

    @property
    def management_url(self) -> str:
        """The management API's URL, without credentials."""
        return f"http://{HOST}:{self._recipe.ports.management}"

    @property
    def amqp_url(self) -> str:
        """The AMQP URL of the vhost /, with credentials."""
        return f"amqp://{USERNAME}:{PASSWORD}@{HOST}:{self._recipe.ports.amqp}/"

    @property
    def is_running(self) -> bool:
        """Whether the broker's process is there."""
        return self._processes.status(self.pid) is None

    @property
    def log_tail(self) -> str:
        """The last lines that the broker logged."""
        return _tail(self._recipe.log)

    def kill(self) -> None:
        """End the broker at once (SIGKILL). What it has written stays for `restart`."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the broker in good order (SIGTERM) and wait for it, at most a minute; 3.10 takes 6 seconds.

        Raises `SandboxError` if it still runs then.
        """
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop the broker if it runs, start it on the same ports and data, and wait until it is ready."""
        if self.is_running:
            self.stop()
        self._run()

    def close(self) -> None:
        """End everything and remove the files. Returns when that is done; no error if done before."""
        self._processes.close()

    def _end(self, number: signal.Signals) -> None:
        if self.is_running and self._processes.signal(self.pid, number, seconds=_STOP_SECONDS) is None:
            raise SandboxError(
                f"RabbitMQ {self.version} (pid {self.pid}) still runs {_STOP_SECONDS} s after {number.name}."
            )

    def _run(self) -> None:
        recipe = self._recipe
        deadline = time.monotonic() + _START_SECONDS
        if not self._epmd:
            self._epmd = self._processes.start(recipe.epmd, environment=recipe.environment, log=recipe.log)
            self._wait_for_epmd(deadline)
        log_start = recipe.log.stat().st_size
        self.pid = self._processes.start(recipe.broker, environment=recipe.environment, log=recipe.log)
        while (overview := self._overview()) is None or not _accepts(recipe.ports.amqp):
            self._check_start(deadline, log_start)
            time.sleep(_POLL_SECONDS)
        self.version = overview["rabbitmq_version"]

    def _wait_for_epmd(self, deadline: float) -> None:
        while not _accepts(self._recipe.ports.epmd):
            self._check_epmd()
            if time.monotonic() > deadline:
                raise SandboxError(f"Erlang's port mapper does not start:\n{self.log_tail}")
            time.sleep(_POLL_SECONDS)
        # What accepts may be somebody else's, if that took the port first; ours has ended then.
        time.sleep(_POLL_SECONDS)
        self._check_epmd()

    def _check_epmd(self) -> None:
        if self._processes.status(self._epmd) is None:
            return
        if "address already in use" in self.log_tail.lower():
            raise _PortTakenError(self._failure("Erlang's port mapper ended"))
        raise SandboxError(self._failure("Erlang's port mapper ended"))

    def _check_start(self, deadline: float, log_start: int) -> None:
        returncode = self._processes.status(self.pid)
        if returncode is not None:
            with self._recipe.log.open("rb") as log:
                log.seek(log_start)
                is_port_taken = b"eaddrinuse" in log.read()
            failure = self._failure(f"it ended with {_reason(returncode)} while starting")
            raise (_PortTakenError if is_port_taken else SandboxError)(failure)
        if time.monotonic() > deadline:
            raise SandboxError(self._failure(f"it is not ready after {_START_SECONDS} s"))

    def _failure(self, what: str) -> str:
        installation = self._recipe.installation
        where = "" if installation.root is None else f" of {installation.root}"
        return (
            f"RabbitMQ {installation.version}{where} ({installation.server}) did not start: {what}. "
            f"The last it said:\n{self.log_tail}"
        )

    def _overview(self) -> dict[str, Any] | None:
        """What the management API says about this node; None while it does not, or if another node answers."""
        connection = http.client.HTTPConnection(HOST, self._recipe.ports.management, timeout=5)
        token = base64.b64encode(f"{USERNAME}:{PASSWORD}".encode()).decode()
        try:
            connection.request("GET", "/api/overview", headers={"Authorization": f"Basic {token}"})
            response = connection.getresponse()
            if response.status != http.HTTPStatus.OK:
                return None
            overview: dict[str, Any] = json.loads(response.read())
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()
        return overview if overview.get("node") == self._recipe.name else None


@contextmanager
def running_node(installation: Installation, *, extra_conf: str = "") -> Iterator[Node]:
    """A node for the length of a `with` block. Raises what `Node.start` raises."""
    node = Node.start(installation, extra_conf=extra_conf)
    try:
        yield node
    finally:
        node.close()


class _PortTakenError(SandboxError):
    """Somebody else took one of the ports between choosing and using it."""


def _parent_directory(installation: Installation) -> Path:
    if installation.root is None:
        return Path(tempfile.gettempdir())
    if os.geteuid() != 0:
        raise SandboxError(f"RabbitMQ in {installation.root} can only be run by root: chroot needs it.")
    return installation.root / "tmp"


def _free_ports() -> Ports:
    """Four ports that are free now. Chosen at random, so that nodes started together hardly meet."""
    numbers: list[int] = []
    while len(numbers) < 4:  # noqa: PLR2004 - as many as the call below takes
        number = random.choice(_PORTS)  # noqa: S311 - no secret
        if number not in numbers and _is_free(number):
            numbers.append(number)
    amqp, management, distribution, epmd = numbers
    return Ports(amqp=amqp, management=management, distribution=distribution, epmd=epmd)


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=5).close()
    except OSError:
        return False
    return True


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([line for line in lines if line.strip()][-_LOG_LINES:])


def _reason(returncode: int) -> str:
    if returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit code {returncode}"
