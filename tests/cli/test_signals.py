"""Ctrl-C and SIGTERM."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from proca_topo.cli.app import Stopped
from proca_topo.cli.interruption import ended_by_signals
from tests.cli.command import COMMAND, Place, clean_environment

# As long as a busy machine may take to end a process, and less than an answer of the broker is waited for.
AT_ONCE_SECONDS = 60


@pytest.fixture
def silent_broker() -> Iterator[socket.socket]:
    """Something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(AT_ONCE_SECONDS)  # for a command that ends before it asks
        yield server


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("arguments", [("plan",), ("plan", "--org", "acme"), ("apply", "--yes"), ("status",)])
def test_a_signal_ends_it_at_once_and_in_order(
    place: Place, silent_broker: socket.socket, number: signal.Signals, code: int, arguments: tuple[str, ...]
) -> None:
    url = f"http://127.0.0.1:{silent_broker.getsockname()[1]}"
    process = subprocess.Popen(
        [COMMAND, *arguments, "--broker", url],
        cwd=place.path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    connection, _ = silent_broker.accept()
    with connection:
        assert connection.recv(1)  # it has asked, and is waiting for an answer now
        process.send_signal(number)
        out, err = process.communicate(timeout=AT_ONCE_SECONDS)
    assert (process.returncode, out) == (code, "")
    assert err == "Interrupted. Nothing is half-done that running the same command again would not finish.\n"


def test_a_second_signal_does_not_disturb_the_way_to_the_cleaning_up(capfd: pytest.CaptureFixture[str]) -> None:
    """It could come between what the first one ends and what cleans up."""
    with ended_by_signals(Stopped, "Still cleaning.") as ending:
        with pytest.raises(Stopped) as stopped:
            signal.raise_signal(signal.SIGTERM)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.raise_signal(number)
        with pytest.raises(Stopped):  # where Python has dropped the first one
            ending.check()
        ending.cleaning = True
        signal.raise_signal(signal.SIGINT)
    assert stopped.value.number == signal.SIGTERM
    assert capfd.readouterr().err == 3 * "Still cleaning.\n"


def test_ctrl_c_while_python_still_loads_it_shows_no_traceback(place: Place) -> None:
    loading = """
import importlib.abc, os, signal, sys

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "proca_topo.cli.options":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from proca_topo.cli.main import program
program()
"""
    ended = subprocess.run(
        [sys.executable, "-c", loading, "plan"],
        cwd=place.path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (130, "")
    assert ended.stderr == "Interrupted before anything was begun.\n"
