"""The owner's side of a keeper: processes that never outlive this one, and their directory."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from proca_topo.errors import SandboxError
from proca_topo.sandbox import keeper

KEEPER_GONE: Final = "sandbox's keeper process was ended from outside, and the broker with it. Start again."
"""What has happened, and what to do; to be begun with an article."""
# Longer than the keeper's own patience in removing the directory, also where the disk is slow.
_CLEAN_UP_SECONDS = 120


class KeptProcesses:
    """Processes run by a keeper, in a directory of theirs. Use as a context manager, or `close` it.

    They end, and the directory is removed, when this is closed or when this process ends in whatever way. Every
    method raises `SandboxError` where the keeper itself is gone or a process cannot be started.
    """

    def __init__(self, parent: Path) -> None:
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", keeper.__file__, str(parent)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Terminal signals are for the owner, who then decides.
            start_new_session=True,
            text=True,
        )
        try:
            self.directory = Path(self._answer()["directory"])
        except BaseException:
            self.close()
            raise

    def start(self, command: list[str], *, environment: dict[str, str], log: Path) -> int:
        """Start a process and tell its pid."""
        pid: int = self._ask(do="start", command=command, environment=environment, log=str(log))["pid"]
        return pid

    def signal(self, pid: int, number: int, *, seconds: float) -> int | None:
        """Send a signal and wait for the end, at most `seconds`. The exit code, None if it still runs."""
        returncode: int | None = self._ask(do="signal", pid=pid, number=int(number), seconds=seconds)["returncode"]
        return returncode

    def status(self, pid: int) -> int | None:
        """A process's exit code (negative: the signal that ended it), None while it runs."""
        returncode: int | None = self._ask(do="status", pid=pid)["returncode"]
        return returncode

    def adopt(self, pid: int, *, group: bool) -> None:
        """Have a child of this process killed, or its whole group, if this process ends before it."""
        self._ask(do="adopt", pid=pid, group=group)

    def release_adopted(self) -> None:
        """Forget the adopted processes, which have ended."""
        self._ask(do="release_adopted")

    def close(self) -> None:
        """End every process and remove the directory; returns when that is done. No error if done before.

        Raises `SandboxError` where the keeper is not through with it in two minutes.
        """
        for pipe in (self._keeper.stdin, self._keeper.stdout):
            # A keeper that was killed leaves the request that it did not read, and `close` tries to send it.
            with suppress(BrokenPipeError):
                if pipe is not None:
                    pipe.close()
        try:
            self._keeper.wait(_CLEAN_UP_SECONDS)
        except subprocess.TimeoutExpired:
            raise SandboxError(
                f"The sandbox's processes and files are not gone after {_CLEAN_UP_SECONDS} s. Its keeper (process"
                f" {self._keeper.pid}) goes on with that; if it hangs, end it."
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, **request: Any) -> dict[str, Any]:  # noqa: ANN401 - what JSON can hold
        if self._keeper.stdin is None or self._keeper.stdin.closed:
            raise SandboxError("The sandbox is closed: its processes have ended and its files are gone.")
        try:
            self._keeper.stdin.write(json.dumps(request) + "\n")
            self._keeper.stdin.flush()
        except BrokenPipeError as error:
            raise self._gone() from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._keeper.stdout.readline() if self._keeper.stdout else ""
        if not line:
            raise self._gone()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SandboxError(f"Cannot run a process of the sandbox: {answer['error']}")
        return answer

    def _gone(self) -> SandboxError:
        return SandboxError(f"The {KEEPER_GONE}")
