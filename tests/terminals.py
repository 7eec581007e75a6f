"""Commands in the foreground of a terminal of their own."""

import os
import pty
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.waiting import wait_until

# A broker is up in three to ten, and on a busy machine in many times as long. More than the sandbox waits for it.
PATIENCE: Final = 400


def at_terminal(
    command: list[str], meanwhile: Callable[[int, int, str], bool] = lambda *_: True
) -> tuple[int, str]:
    """Run a command in the foreground of a terminal; its exit code and all that the terminal showed.

    `meanwhile` is given its pid, the terminal and what was shown so far, until it has done what it is there for.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)  # noqa: S606 - no shell is wanted
    shown = b""
    is_done = False
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            assert time.monotonic() < deadline, f"it has not ended after {PATIENCE} s: {shown.decode()!r}"
            if terminal in select.select([terminal], [], [], 1)[0]:
                try:
                    shown += os.read(terminal, 4096)
                except OSError:
                    # Linux's way of saying that the other side has closed it.
                    break
            is_done = is_done or meanwhile(pid, terminal, shown.decode(errors="replace"))
        wait_until(lambda: not runs(pid), f"what has left its terminal has ended: {shown!r}", seconds=PATIENCE)
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        raise
    finally:
        os.close(terminal)
        ended = os.waitpid(pid, 0)[1]
    return os.waitstatus_to_exitcode(ended), shown.decode()


def ctrl_c_after(text: str) -> Callable[[int, int, str], bool]:
    """Presses it once this is shown."""

    def press(_pid: int, terminal: int, shown: str) -> bool:
        if text in shown:
            os.write(terminal, b"\x03")
        return text in shown

    return press


def sleeps(pid: int) -> bool:
    """Whether a process waits for something: its input, where it does nothing else."""
    return "\nState:\tS" in Path(f"/proc/{pid}/status").read_text()


def runs(pid: int) -> bool:
    """Whether a process has not ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends between opening and reading
        return False
