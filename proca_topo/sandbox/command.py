"""A command that runs with a node: signals come to it however early, and it ends with whoever started it."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Final

from proca_topo.errors import SandboxError, UsageError
from proca_topo.sandbox.kept import KEEPER_GONE
from proca_topo.sandbox.node import PASSWORD, USERNAME, Node
from proca_topo.sandbox.signals import blocked, handling

_HANDLED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WATCH_SECONDS: Final = 1
# SI_USER and its like; what the kernel sends by itself, as for a Ctrl-C, has a positive code.
_SENT_BY_A_PROCESS: Final = 0
# macOS, which has no sigtimedwait, waits in another way.
_AWAITED_AT_TERMINAL: Final = () if sys.platform == "darwin" else (signal.SIGINT, signal.SIGCHLD)


def environment(node: Node) -> Mapping[str, str]:
    """The variables that tell proca-topo about a node."""
    return {
        "PROCA_TOPO_BROKER": node.management_url,
        "PROCA_TOPO_AMQP": node.amqp_url,
        "PROCA_TOPO_USERNAME": USERNAME,
        "PROCA_TOPO_PASSWORD": PASSWORD,
    }


def run_with(node: Node, command: Sequence[str]) -> int:
    """Run a command with a node in its environment. Its exit code; 128 + n if signal n ended it.

    Signals that come to this process alone are passed on to it, and it is killed if this process is.

    Raises `UsageError` where the command cannot be run, `SandboxError` where the node's keeper is gone.
    """
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
    with (
        handling(on_ctrl_c, signal.SIGINT),
        handling(pass_on, signal.SIGTERM, signal.SIGHUP),
        # From before the command is there: what came in between would reach nobody.
        blocked(_AWAITED_AT_TERMINAL if shares_group else ()) as unblock,
    ):
        process = _start(command, node, group=not shares_group, unblock=unblock)
        started.append(process)
        try:
            for number in early:
                _send(process, number, group=not shares_group)
            returncode = _end_at_terminal(process) if shares_group else process.wait()
            node.release_adopted()
        except BaseException:
            _send(process, signal.SIGKILL, group=not shares_group)
            raise
    return returncode if returncode >= 0 else 128 - returncode


def _start(
    command: Sequence[str], node: Node, *, group: bool, unblock: Callable[[], None]
) -> "subprocess.Popen[bytes]":
    def in_child() -> None:
        # Before it is the command: however early this process is killed, the command ends too.
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # which tells of a keeper that is gone as an error
        node.adopt(os.getpid(), group=group)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        for number in _HANDLED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)
        unblock()

    try:
        return subprocess.Popen(
            command,
            env={**os.environ, **environment(node)},
            process_group=0 if group else None,
            preexec_fn=in_child,  # noqa: PLW1509 - there are no threads
        )
    except OSError as error:
        node.release_adopted()
        raise UsageError(f"sandbox: {command[0]} cannot be run: {error.strerror}") from error
    except subprocess.SubprocessError as error:  # all that it tells of what `in_child` met
        raise SandboxError(f"sandbox: {command[0]} was not run: the {KEEPER_GONE}") from error


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

    Only what waits for a signal, which has to be blocked, is told which of the two it was.
    """
    if sys.platform == "darwin":  # has no sigwaitinfo
        return process.wait()
    while (returncode := process.poll()) is None:
        came = signal.sigtimedwait(_AWAITED_AT_TERMINAL, _WATCH_SECONDS)
        if came is not None and came.si_signo == signal.SIGINT and came.si_code <= _SENT_BY_A_PROCESS:
            process.send_signal(signal.SIGINT)
    return returncode
