"""A sandbox for one command, or until it is interrupted."""

import shutil
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Final

from proca_topo.errors import SandboxError, UsageError
from proca_topo.sandbox.command import environment, run_with
from proca_topo.sandbox.installation import installed
from proca_topo.sandbox.node import Node, running_node
from proca_topo.sandbox.plugins import check_plugins, plugins_for
from proca_topo.sandbox.signals import handling

_INTERRUPTED: Final = 128 + signal.SIGINT
_WATCH_SECONDS: Final = 1


def run(command: Sequence[str], *, plugins: Sequence[str] = ()) -> int:
    """Run a command with a private broker in its environment. Its exit code; 128 + n if signal n ended it.

    `plugins` are those that the broker has besides the management plugin.

    A Ctrl-C reaches the command from the terminal; signals that come to this process alone are passed on to it.
    Either way the broker stays until the command has ended. If this process is killed, both go.

    Raises `UsageError` where the command cannot be run, or a plugin is not installed; `SandboxError`.
    """
    if shutil.which(command[0]) is None:
        raise UsageError(
            f"sandbox: {command[0]} is not a command that can be run. Is it spelled right and on PATH?"
        )
    try:
        with announced_node(plugins=plugins) as node:
            return run_with(node, command)
    except KeyboardInterrupt:
        return _INTERRUPTED


def wait(*, plugins: Sequence[str] = ()) -> int:
    """Run a broker, print how to reach it, and wait for Ctrl-C (or SIGTERM, SIGHUP), which end it: exit code 0.

    `plugins` as for `run`. Raises `UsageError` where one is not installed, `SandboxError` where the broker does
    not start or ends by itself.
    """
    try:
        with announced_node(plugins=plugins) as node:
            return _keep_until_interrupted(node)
    except KeyboardInterrupt:
        return _INTERRUPTED


@contextmanager
def announced_node(*, plugins: Sequence[str] = (), exchange_types: Iterable[str] = ()) -> Iterator[Node]:
    """A node of the machine's own RabbitMQ, and a word on stderr that it starts.

    It has these plugins, and those that bring these types of exchanges. Raises `UsageError` where one of `plugins`
    is not installed; `SandboxError`.
    """
    installation = installed()
    check_plugins(plugins, installation)
    enabled = [*plugins, *plugins_for(exchange_types, installation)]
    _say(f"Starting RabbitMQ {installation.version} …")
    with running_node(installation, plugins=enabled) as node:
        yield node


def _keep_until_interrupted(node: Node) -> int:
    try:
        with handling(_interrupt, signal.SIGTERM, signal.SIGHUP):
            for name in ("PROCA_TOPO_BROKER", "PROCA_TOPO_AMQP"):
                sys.stdout.write(f"export {name}={environment(node)[name]}\n")
            sys.stdout.flush()
            _say("It runs until Ctrl-C. Use the lines above in another shell.")
            while node.is_running:
                time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return 0
    raise SandboxError(f"RabbitMQ ended by itself. The last it said:\n{node.log_tail}")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
