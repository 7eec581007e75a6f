"""Ctrl-C and SIGTERM."""

import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.cli.command import COMMAND, Place, clean_environment


@pytest.fixture
def silent_broker() -> Iterator[socket.socket]:
    """Something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
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
    silent_broker.accept()  # it is waiting for an answer now
    time.sleep(0.2)
    process.send_signal(number)
    out, err = process.communicate(timeout=5)
    assert (process.returncode, out) == (code, "")
    assert err == "Interrupted. Nothing is half-done that running the same command again would not finish.\n"
