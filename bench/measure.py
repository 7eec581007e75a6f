"""Timing whole processes and single calls."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import launch

COMMAND = str(Path(sys.executable).with_name("proca-topo"))


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
        ran = subprocess.run(
            [sys.executable, "-S", launch.__file__, *command],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        took, kib, code = ran.stdout.split()
        if code != "0":
            raise SystemExit(f"{' '.join(command)} ended with {code}: {ran.stderr}")
        seconds.append(float(took))
        peak = max(peak, int(kib))
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


def in_turns(*measures: Callable[[], Timing], turns: int) -> tuple[Timing, ...]:
    """What each of the measures shows, taken one after the other, every second time from the last to the first.

    A broker slows down as it grows older, and a machine has its moods. This way they weigh on a figure and its
    floor alike.
    """
    taken: list[list[Timing]] = [[] for _ in measures]
    for turn in range(turns):
        order = list(enumerate(measures))
        for number, measure in order if turn % 2 == 0 else reversed(order):
            taken[number].append(measure())
    return tuple(_together(timings) for timings in taken)


def _together(timings: Sequence[Timing]) -> Timing:
    peaks = [timing.peak_mib for timing in timings if timing.peak_mib is not None]
    return Timing(
        seconds=tuple(second for timing in timings for second in timing.seconds),
        peak_mib=max(peaks, default=None),
    )
