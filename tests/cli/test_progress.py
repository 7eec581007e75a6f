"""How far it is: a bar at a terminal, a line now and then elsewhere."""

import io
import sys

import pytest

from proca_topo.cli import progress


class Clock:
    """A clock that only goes when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


def test_a_log_gets_a_line_every_ten_seconds_at_most(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress() as watch:
        watch.stage("queues", 200)
        for _ in range(200):
            clock.now += 0.3
            watch.advance(1)
        watch.stage("reading back", 0)
        clock.now += 11
        watch.stage("bindings", 20)
    assert (
        capsys.readouterr().err
        == """\
queues: 34 of 200, 3/s, 50 s left
queues: 68 of 200, 3/s, 40 s left
queues: 102 of 200, 3/s, 29 s left
queues: 136 of 200, 3/s, 19 s left
queues: 170 of 200, 3/s, 9 s left
bindings: 0 of 20
"""
    )


def test_what_is_done_at_once_shows_nothing(
    clock: Clock, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    for stream in (terminal, sys.stderr):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress.progress() as watch:
            watch.stage("queues", 2)
            clock.now += 0.5
            watch.advance(2)
    assert (terminal.getvalue(), capsys.readouterr().err) == ("", "")


def test_a_terminal_gets_a_bar_after_a_second(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with progress.progress() as watch:
        watch.stage("queues", 10)
        clock.now += 1.5
        watch.advance(4)
        watch.stage("[bindings]", 5)
        watch.advance(5)
    seen = terminal.getvalue()
    assert "queues" in seen
    assert "4/10" in seen
    assert "[bindings]" in seen
    assert "5/5" in seen
