"""`proca-topo` as a child process that can be interrupted."""

import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from tests.brokers.fixtures import TestBroker
from tests.cli.command import clean_environment

_HERE: Final = Path(__file__).resolve().parents[2]
# A replacement takes some; on a slow machine that several lanes share, many times as long.
_SECONDS: Final = 600
_LOOK_SECONDS: Final = 0.02

REPLACE: Final = ("apply", "--yes", "--replace", "--disconnect-consumers")
NOWHERE: Final = "nowhere"
PLAN: Final = ("plan", "--detailed-exitcode")


class At(StrEnum):
    """What the command does at a boundary."""

    GO = "go"
    KILL = "kill"
    HOLD = "hold"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has ended, with everything that it wrote and the boundaries that it reached."""

    code: int
    wrote: str
    steps: tuple[str, ...]

    @property
    def last_step(self) -> str:
        return self.steps[-1] if self.steps else "(before the first step)"


@dataclass(kw_only=True)
class Running:
    """A command that has been started."""

    process: subprocess.Popen[bytes]
    output: Path
    trace: Path

    @property
    def steps(self) -> tuple[str, ...]:
        """The boundaries reached so far."""
        return tuple(self.trace.read_text().splitlines()) if self.trace.exists() else ()

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def wait_for_step(self, step: str) -> bool:
        """Wait until the boundary before a step is reached. False if the command ended before."""
        deadline = time.monotonic() + _SECONDS
        while step not in self.steps:
            if self.has_ended:
                return step in self.steps
            assert time.monotonic() < deadline, f"no {step} in {_SECONDS} s; {self._so_far()}"
            time.sleep(_LOOK_SECONDS)
        return True

    def kill(self) -> None:
        self.process.kill()

    def go_on(self) -> None:
        """Let it pass the boundary at which it holds."""
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()

    def end(self, *, seconds: float = _SECONDS) -> Ended:
        """Wait until it has ended."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the command was stuck for {seconds} s; {self._so_far()}") from None
        return Ended(code=code, wrote=self.output.read_text(), steps=self.steps)

    def _so_far(self) -> str:
        return f"steps: {', '.join(self.steps)}; it wrote:\n{self.output.read_text()}"


@dataclass(frozen=True, kw_only=True)
class Command:
    """How to run it on a spec in a folder and a vhost."""

    folder: Path
    broker: TestBroker
    vhost: str
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def running(
        self, *arguments: str, at: At = At.GO, boundary: str = NOWHERE, amqp_url: str | None = None
    ) -> Iterator[Running]:
        """Start it; it is gone after the block."""
        number = next(self._numbers)
        output, trace = (self.folder / f"{number}.{what}" for what in ("output", "trace"))
        settings = {
            "PROCA_TOPO_BROKER": self.broker.management_url,
            "PROCA_TOPO_AMQP": amqp_url or self.broker.amqp_url,
            "PROCA_TOPO_USERNAME": self.broker.username,
            "PROCA_TOPO_PASSWORD": self.broker.password,
            "PROCA_TOPO_VHOST": self.vhost,
        }
        runner: Sequence[str] = (sys.executable, "-m", "tests.torture.runner", str(trace), at, boundary)
        with (
            output.open("wb") as file,
            subprocess.Popen(
                [*runner, *arguments, "-C", str(self.folder)],
                cwd=_HERE,
                env={**clean_environment(), **settings},
                stdin=subprocess.PIPE,
                stdout=file,
                stderr=file,
            ) as process,
        ):
            try:
                yield Running(process=process, output=output, trace=trace)
            finally:
                process.kill()

    def run(self, *arguments: str, at: At = At.GO, boundary: str = NOWHERE, amqp_url: str | None = None) -> Ended:
        """Run it to its end, whatever that is."""
        with self.running(*arguments, at=at, boundary=boundary, amqp_url=amqp_url) as started:
            return started.end()
