"""The process that a node's processes belong to; whatever happens to its owner, it cleans up.

It makes a directory, then starts, signals and watches processes as its owner asks: one JSON request a line on
standard input, one JSON answer a line on standard output, the directory's path first. When standard input ends,
because the owner closed it, exited or was killed in any way, it kills those processes and removes the directory.
A process that the owner started itself, because it needs the owner's terminal, can be adopted for that end.

Run as a file, in a session of its own, so that a Ctrl-C in the owner's terminal does not reach it. It imports only
the standard library, to be up before its owner can die, and every path to an end goes through `Keeper.clean_up`.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

# Helpers of the Erlang VM can outlive it for a moment and write one more file.
_REMOVAL_ATTEMPTS = 50
_REMOVAL_PAUSE = 0.1
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Keeper:
    """Processes and their directory."""

    def __init__(self, parent: str) -> None:
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        self.adopted: dict[int, bool] = {}
        self.directory = Path(tempfile.mkdtemp(prefix="proca-topo-sandbox-", dir=parent))

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Do what a request asks. Its `do` names one of the methods below, the rest are their arguments."""
        try:
            match request.pop("do"):
                case "start":
                    return self.start(**request)
                case "signal":
                    return self.signal(**request)
                case "adopt":
                    return self.adopt(**request)
                case "release_adopted":
                    return self.release_adopted()
                case _:
                    return self.status(**request)
        except OSError as error:
            return {"error": str(error)}

    def start(self, *, command: list[str], environment: dict[str, str], log: str) -> dict[str, Any]:
        """Start a process in a group of its own, its output appended to `log`."""
        with Path(log).open("ab") as output:
            process = subprocess.Popen(
                command,
                env=environment,
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.processes[process.pid] = process
        return {"pid": process.pid}

    def signal(self, *, pid: int, number: int, seconds: float) -> dict[str, Any]:
        """Send a signal (SIGKILL goes to the whole group) and wait for the end, at most `seconds`."""
        process = self.processes[pid]
        if number == signal.SIGKILL:
            _kill_group(process)
        else:
            process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return {"returncode": None}
        return {"returncode": process.returncode}

    def status(self, *, pid: int) -> dict[str, Any]:
        """A process's exit code, None while it runs."""
        return {"returncode": self.processes[pid].poll()}

    def adopt(self, *, pid: int, group: bool) -> dict[str, Any]:
        """Kill a process of the owner's too, or its whole group, where the owner ends before it."""
        self.adopted[pid] = group
        return {}

    def release_adopted(self) -> dict[str, Any]:
        """They have ended, and their numbers may be somebody else's."""
        self.adopted.clear()
        return {}

    def clean_up(self) -> None:
        """Kill the processes, the adopted and then the latest first, and remove the directory.

        Signals do not stop it halfway.
        """
        for number in _ENDING:
            signal.signal(number, signal.SIG_IGN)
        for pid, group in self.adopted.items():
            # It is gone, or another user's: whoever started that has to end it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                (os.killpg if group else os.kill)(pid, signal.SIGKILL)
        for process in reversed(self.processes.values()):
            _kill_group(process)
            process.wait()
        for _ in range(_REMOVAL_ATTEMPTS):
            shutil.rmtree(self.directory, ignore_errors=True)
            if not self.directory.exists():
                return
            time.sleep(_REMOVAL_PAUSE)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    # A reaped process's number may be someone else's by now.
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)


def main() -> None:
    """Keep processes until standard input ends."""
    for number in _ENDING:
        signal.signal(number, lambda *_: sys.exit())
    keeper = Keeper(sys.argv[1])
    try:
        print(json.dumps({"directory": str(keeper.directory)}), flush=True)  # noqa: T201 - the answer to its owner
        for line in sys.stdin:
            print(json.dumps(keeper.answer(json.loads(line))), flush=True)  # noqa: T201 - same
    except BrokenPipeError:
        # The owner died while asking. Nobody is left to tell, and Python must not try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    finally:
        keeper.clean_up()


if __name__ == "__main__":
    main()
