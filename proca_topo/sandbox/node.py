"""A private RabbitMQ node, gone without a trace when its owner is."""

import base64
import http.client
import json
import os
import secrets
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from proca_topo.errors import SandboxError
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.kept import KeptProcesses
from proca_topo.sandbox.log import Log
from proca_topo.sandbox.ports import HOST, accepts, free_ports
from proca_topo.sandbox.recipe import Recipe

USERNAME: Final = "guest"
PASSWORD: Final = "guest"  # noqa: S105 - RabbitMQ's own default, and this broker listens on 127.0.0.1 only

_PORT_TRIES: Final = 5

# A node takes 3 to 10 seconds to start, and 3.10 some 6 to stop; several at once on a slow machine
# many times as long.
_START_SECONDS: Final = 300
_STOP_SECONDS: Final = 180
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
        self._log = Log(path=recipe.log)
        self._epmd_log = Log(path=recipe.epmd_log)
        self._epmd = 0
        self.pid = 0
        self.version = ""

    @classmethod
    def start(cls, installation: Installation, *, extra_conf: str = "", plugins: Sequence[str] = ()) -> Self:
        """Start a node and wait until it is ready for HTTP and AMQP: 3 to 10 seconds.

        `extra_conf` are more lines for `rabbitmq.conf`, `plugins` those besides the management plugin. Raises
        `SandboxError`, with the end of the node's log, where it does not start; nothing is left of it then.
        """
        for tries_left in reversed(range(_PORT_TRIES)):
            processes = KeptProcesses(_parent_directory(installation))
            try:
                recipe = Recipe(
                    installation=installation,
                    directory=processes.directory,
                    name=f"sandbox-{secrets.token_hex(4)}@{HOST}",
                    ports=free_ports(),
                    extra_conf=extra_conf,
                    plugins=plugins,
                )
                node = cls(recipe, processes)
                recipe.write()
                node.run()
            except PortTakenError:
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
    def directory(self) -> Path:
        """Where all of its files are, as this process sees it."""
        return self._recipe.directory

    @property
    def is_running(self) -> bool:
        """Whether the broker's process is there."""
        return self._processes.status(self.pid) is None

    @property
    def log_tail(self) -> str:
        """The last lines that the broker logged."""
        return self._log.tail()

    def kill(self) -> None:
        """End the broker at once (SIGKILL). What it has written stays for `restart`.

        RabbitMQ 3.10 writes declarations with some delay: one of the last 2 seconds can be lost, though it was
        acknowledged (seen in 3 of 24 kills at once, in none of 32 kills after 3 seconds).
        """
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End the broker in good order (SIGTERM) and wait for it, at most three minutes; 3.10 takes 6 seconds.

        Raises `SandboxError` if it still runs then.
        """
        self._end(signal.SIGTERM)

    def run(self) -> None:
        """Start the broker, and its port mapper unless that is another node's, and wait until it is ready.

        Raises `SandboxError`, with the end of the node's log, where it does not start.
        """
        recipe = self._recipe
        deadline = time.monotonic() + _START_SECONDS
        if recipe.has_epmd and not self._epmd:
            self._epmd = self._processes.start(recipe.epmd, environment=recipe.environment, log=recipe.epmd_log)
            self._wait_for_epmd(deadline)
        self._log = Log.from_here(recipe.log)
        self.pid = self._processes.start(recipe.broker, environment=recipe.environment, log=recipe.log)
        while (overview := self._overview()) is None:
            self._check_start(deadline)
            time.sleep(_POLL_SECONDS)
        self._check_epmd()
        self.version = overview["rabbitmq_version"]

    def restart(self) -> None:
        """Stop the broker if it runs, start it on the same ports and data, and wait until it is ready."""
        if self.is_running:
            self.stop()
        self.run()

    def control(self, *arguments: str) -> None:
        """Have rabbitmqctl do something: 2 seconds. Raises `SandboxError` if it does not."""
        done = subprocess.run(
            self._recipe.control(*arguments),
            env=self._recipe.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise SandboxError(f"rabbitmqctl {' '.join(arguments)} failed: {done.stderr or done.stdout}")

    def adopt(self, pid: int, *, group: bool) -> None:
        """Have a child of this process, or its whole group, end with this process, as the node does.

        The child itself can ask for it, before it runs another program.
        """
        self._processes.adopt(pid, group=group)

    def release_adopted(self) -> None:
        """Forget what was adopted: it has ended, and its number may be somebody else's."""
        # A keeper that was killed has nothing to forget.
        with suppress(SandboxError):
            self._processes.release_adopted()

    def close(self) -> None:
        """End everything and remove the files. Returns when that is done; no error if done before."""
        self._processes.close()

    def _end(self, number: signal.Signals) -> None:
        if self.is_running and self._processes.signal(self.pid, number, seconds=_STOP_SECONDS) is None:
            raise SandboxError(
                f"RabbitMQ {self.version} (pid {self.pid}) still runs {_STOP_SECONDS} s after {number.name}."
            )

    def _wait_for_epmd(self, deadline: float) -> None:
        port = self._recipe.ports.epmd
        while not accepts(port):
            self._check_epmd()
            if time.monotonic() > deadline:
                raise SandboxError(self._failure("Erlang's port mapper is not ready", self._epmd_log))
            time.sleep(_POLL_SECONDS)

    def _check_epmd(self) -> None:
        """Raises what has ended our port mapper, if there is one.

        What accepts in its place may be somebody else's that took the port first; ours ends then, sooner or later.
        """
        returncode = self._processes.status(self._epmd) if self._epmd else None
        if returncode is None:
            return
        what = f"Erlang's port mapper (epmd) ended with {_reason(returncode)}"
        # It does not say why; a listener in its place does.
        error = PortTakenError if accepts(self._recipe.ports.epmd) else SandboxError
        raise error(self._failure(what, self._epmd_log))

    def _check_start(self, deadline: float) -> None:
        self._check_epmd()
        if self._log.says_port_taken():
            raise PortTakenError(self._failure("another process took one of its ports", self._log))
        returncode = self._processes.status(self.pid)
        if returncode is not None:
            raise SandboxError(self._failure(f"it ended with {_reason(returncode)}", self._log))
        if time.monotonic() > deadline:
            raise SandboxError(self._failure(f"it is not ready after {_START_SECONDS} s", self._log))

    def _failure(self, what: str, log: Log) -> str:
        installation = self._recipe.installation
        server = installation.server if installation.root is None else f"in {installation.root}"
        return f"RabbitMQ {installation.version} ({server}) did not start: {what}. The last it said:\n{log.tail()}"

    def _overview(self) -> dict[str, Any] | None:
        """The management API's overview; None until this very node answers and its AMQP listener is up.

        The API is up before AMQP, and another process may answer on a port that it took first.
        """
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
        amqp = {"node": self._recipe.name, "protocol": "amqp", "port": self._recipe.ports.amqp}
        is_up = any(amqp.items() <= listener.items() for listener in overview.get("listeners", ()))
        return overview if is_up and accepts(self._recipe.ports.amqp) else None


@contextmanager
def running_node(
    installation: Installation, *, extra_conf: str = "", plugins: Sequence[str] = ()
) -> Iterator[Node]:
    """A node for the length of a `with` block. Takes and raises what `Node.start` does."""
    node = Node.start(installation, extra_conf=extra_conf, plugins=plugins)
    try:
        yield node
    finally:
        node.close()


class PortTakenError(SandboxError):
    """Somebody else took one of the ports between choosing and using it."""


def _parent_directory(installation: Installation) -> Path:
    if installation.root is None:
        return Path(tempfile.gettempdir())
    if os.geteuid() != 0:
        raise SandboxError(f"RabbitMQ in {installation.root} can only be run by root: chroot needs it.")
    return installation.root / "tmp"


def _reason(returncode: int) -> str:
    if returncode < 0:
        return signal.Signals(-returncode).name
    return f"exit code {returncode}"
