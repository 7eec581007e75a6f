"""A sandbox for one command, or until it is interrupted."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

from proca_topo.errors import SandboxError, UsageError
from proca_topo.sandbox.installation import installed
from proca_topo.sandbox.node import PASSWORD, USERNAME, Node, running_node
from proca_topo.sandbox.plugins import check_plugins, plugins_for

_INTERRUPTED: Final = 128 + signal.SIGINT
_WATCH_SECONDS: Final = 1
# SI_USER and its like; what the kernel sends by itself, as for a Ctrl-C, has a positive code.
_SENT_BY_A_PROCESS: Final = 0
_Handler = Any  # what signal.getsignal returns


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
            return _run_to_end(command, node)
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


def environment(node: Node) -> Mapping[str, str]:
    """The variables that tell proca-topo about a node."""
    return {
        "PROCA_TOPO_BROKER": node.management_url,
        "PROCA_TOPO_AMQP": node.amqp_url,
        "PROCA_TOPO_USERNAME": USERNAME,
        "PROCA_TOPO_PASSWORD": PASSWORD,
    }


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
        with _handling(_interrupt, signal.SIGTERM, signal.SIGHUP):
            for name in ("PROCA_TOPO_BROKER", "PROCA_TOPO_AMQP"):
                sys.stdout.write(f"export {name}={environment(node)[name]}\n")
            sys.stdout.flush()
            _say("It runs until Ctrl-C. Use the lines above in another shell.")
            while node.is_running:
                time.sleep(_WATCH_SECONDS)
    except KeyboardInterrupt:
        return 0
    raise SandboxError(f"RabbitMQ ended by itself. The last it said:\n{node.log_tail}")


def _run_to_end(command: Sequence[str], node: Node) -> int:
    # At a terminal the command must be in our group, or it could not read from there, nor would a Ctrl-C reach it.
    shares_group = _is_in_foreground()
    started: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        if not started:
            early.append(number)
        for process in started:
            _send(process, number, group=not shares_group)

    # A handler, and not SIG_IGN, because the command would inherit that one.
    on_ctrl_c = (lambda *_: None) if shares_group else pass_on
    with _handling(on_ctrl_c, signal.SIGINT), _handling(pass_on, signal.SIGTERM, signal.SIGHUP):
        try:
            process = subprocess.Popen(
                command,
                env={**os.environ, **environment(node)},
                process_group=None if shares_group else 0,
            )
        except OSError as error:
            raise UsageError(f"sandbox: {command[0]} cannot be run: {error.strerror}") from error
        started.append(process)
        try:
            with node.outlived_by_none(process.pid, group=not shares_group):
                for number in early:
                    _send(process, number, group=not shares_group)
                returncode = _end_at_terminal(process) if shares_group else process.wait()
        except BaseException:
            _send(process, signal.SIGKILL, group=not shares_group)
            raise
    return returncode if returncode >= 0 else 128 - returncode


def _is_in_foreground() -> bool:
    """Whether a Ctrl-C at our terminal would reach us and whatever is in our group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False  # there is none
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


def _send(process: "subprocess.Popen[bytes]", number: int, *, group: bool) -> None:
    if not group:
        process.send_signal(number)
    elif process.poll() is None:
        os.killpg(process.pid, number)


def _end_at_terminal(process: "subprocess.Popen[bytes]") -> int:
    """Wait for a command that a Ctrl-C reaches anyway, and pass a SIGINT on that somebody sent to us alone.

    Only what waits for a signal is told which of the two it was.
    """
    if sys.platform == "darwin":  # has no sigwaitinfo
        return process.wait()
    awaited = {signal.SIGINT, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        while (returncode := process.poll()) is None:
            came = signal.sigtimedwait(awaited, _WATCH_SECONDS)
            if came is not None and came.si_signo == signal.SIGINT and came.si_code <= _SENT_BY_A_PROCESS:
                process.send_signal(signal.SIGINT)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return returncode


@contextmanager
def _handling(handler: _Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Handle signals in a block. Those that whoever started us wants ignored (nohup) stay ignored."""
    before = {number: signal.getsignal(number) for number in numbers}
    for number, previous in before.items():
        if previous is not signal.SIG_IGN:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
