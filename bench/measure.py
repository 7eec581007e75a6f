"""Timing whole processes and single calls."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds of each run, and the largest peak memory in MiB (None for calls inside this process)."""

    seconds: tuple[float, ...]
    peak_mib: float | None = None

    @property
    def median(self) -> float:
        """The run in the middle."""
        return statistics.median(self.seconds)


def process(
    command: Sequence[str], *, runs: int, environment: Mapping[str, str], before: Callable[[], None] | None = None
) -> Timing:
    """Run a command several times after `before`, which is not timed. A run that fails ends the bench."""
    seconds = []
    peak = 0
    for _ in range(runs):
        if before is not None:
            before()
        started = time.perf_counter()
        running = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert running.stderr is not None
        said = running.stderr.read()
        _, status, usage = os.wait4(running.pid, 0)
        seconds.append(time.perf_counter() - started)
        running.returncode = os.waitstatus_to_exitcode(status)
        if running.returncode != 0:
            raise SystemExit(f"{' '.join(command)} ended with {running.returncode}: {said}")
        peak = max(peak, usage.ru_maxrss)
    return Timing(seconds=tuple(seconds), peak_mib=peak / 1024)


def warm(
    arguments: Sequence[str],
    *,
    runs: int,
    environment: Mapping[str, str],
    before: Callable[[], None] | None = None,
) -> Timing:
    """Run a proca-topo command several times, each in a process of its own that has imported everything first."""
    seconds = []
    for _ in range(runs):
        if before is not None:
            before()
        done = subprocess.run(
            [sys.executable, "-m", "bench.warm", *arguments],
            env={**os.environ, **environment},
            check=True,
            capture_output=True,
            text=True,
        )
        seconds.append(float(done.stdout))
    return Timing(seconds=tuple(seconds))


def call(action: Callable[[], object], *, runs: int, before: Callable[[], None] | None = None) -> Timing:
    """Call something several times after `before`, which is not timed."""
    seconds = []
    for _ in range(runs):
        if before is not None:
            before()
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return Timing(seconds=tuple(seconds))
