"""Ctrl-C and SIGTERM."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest

from proca_topo.cli.app import Stopped
from proca_topo.cli.interruption import ended_by_signals
from tests.broker.servers import stalling_server
from tests.cli.command import AT_ONCE_SECONDS, COMMAND, Place, clean_environment

INTERRUPTED: Final = "Interrupted. Nothing is half-done that running the same command again would not finish.\n"


@pytest.fixture
def silent_broker() -> Iterator[socket.socket]:
    """Something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(AT_ONCE_SECONDS)  # for a command that ends before it asks
        yield server


def started(place: Place, *arguments: str) -> subprocess.Popen[str]:
    """A command that goes on while the test does."""
    return subprocess.Popen(
        [COMMAND, *arguments],
        cwd=place.path,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("arguments", [("plan",), ("plan", "--org", "acme"), ("apply", "--yes"), ("status",)])
def test_a_signal_ends_it_at_once_and_in_order(
    place: Place, silent_broker: socket.socket, number: signal.Signals, code: int, arguments: tuple[str, ...]
) -> None:
    process = started(place, *arguments, "--broker", f"http://127.0.0.1:{silent_broker.getsockname()[1]}")
    connection, _ = silent_broker.accept()
    with connection:
        assert connection.recv(1)  # it has asked, and is waiting for an answer now
        process.send_signal(number)
        out, err = process.communicate(timeout=AT_ONCE_SECONDS)
    assert (process.returncode, out) == (code, "")
    assert err == INTERRUPTED


@pytest.mark.parametrize("arguments", [("plan",), ("plan", "--org", "acme"), ("status",)])
def test_a_signal_ends_it_while_several_answers_are_waited_for(place: Place, arguments: tuple[str, ...]) -> None:
    with stalling_server() as (url, asked):
        process = started(place, *arguments, "--broker", url)
        assert asked.wait(AT_ONCE_SECONDS)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=AT_ONCE_SECONDS)
    assert (process.returncode, out, err) == (130, "", INTERRUPTED)


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


# The command, interrupted as soon as something is imported, or called.
WHILE_IT_IMPORTS: Final = """\
import importlib.abc, os, signal, sys

class Interrupting(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "{}":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from proca_topo.cli.main import program
program()
"""
WHILE_IT_CALLS: Final = """\
import os, signal, sys

def interrupt(frame, event, argument):
    if event == "call" and frame.f_code.co_name == "{}":
        sys.setprofile(None)
        os.kill(os.getpid(), signal.SIGINT)

sys.setprofile(interrupt)
from proca_topo.cli.main import program
program()
"""


def _interrupted(place: Place, program: str, *arguments: str) -> tuple[int, str, str]:
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=place.path,
        env={**clean_environment(), "PROCA_TOPO_BROKER": "broker.json"},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize(
    "program",
    [
        WHILE_IT_IMPORTS.format("proca_topo.cli.app"),
        WHILE_IT_IMPORTS.format("proca_topo.cli.options"),
        # Both are typer's, which ends in silence when it is interrupted.
        WHILE_IT_CALLS.format("make_context"),
        WHILE_IT_CALLS.format("parse_args"),
    ],
)
def test_ctrl_c_before_a_command_begins_shows_a_sentence_and_no_traceback(place: Place, program: str) -> None:
    assert _interrupted(place, program, "plan") == (130, "", "Interrupted before anything was begun.\n")


def test_ctrl_c_that_python_would_drop_while_it_loads_a_command_ends_it(place: Place) -> None:
    """It shows what a finalizer raises, and goes on."""
    finalizer = """
import gc, importlib.abc, os, signal, sys

class Freed:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

class Freeing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "proca_topo.cli.options":
            Freed()

sys.meta_path.insert(0, Freeing())
from proca_topo.cli.main import program
program()
"""
    assert _interrupted(place, finalizer, "plan") == (130, "", "Interrupted before anything was begun.\n")


@pytest.mark.parametrize(
    ("called", "arguments"),
    [
        ("exit", ("orgs",)),  # of typer
        ("_ended", ("plan", "--org", "nobody")),  # an error has just been told
    ],
)
def test_ctrl_c_after_a_command_shows_a_sentence_and_no_traceback(
    place: Place, called: str, arguments: tuple[str, ...]
) -> None:
    code, _, err = _interrupted(place, WHILE_IT_CALLS.format(called), *arguments)
    assert code == 130
    assert err.endswith(INTERRUPTED)
    assert "Traceback" not in err


def test_ctrl_c_that_is_to_be_ignored_is_ignored(place: Place) -> None:
    """As by nohup and in a background job of a shell."""
    ignoring = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
    code, out, _ = _interrupted(place, ignoring + WHILE_IT_CALLS.format("parse_args"), "orgs")
    assert (code, out) == (0, "ORG   OPTIONS\nacme  crm\n")
