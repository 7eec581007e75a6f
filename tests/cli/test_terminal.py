"""apply at a terminal: shows, asks, obeys the answer."""

import os
import pty
import select
import signal
import subprocess
import time
from dataclasses import dataclass

import pytest

from tests.cli.command import COMMAND, PATIENCE, Place, clean_environment
from tests.terminals import sleeps
from tests.waiting import wait_until

QUESTION = "Apply these changes? [y/N] "


@dataclass(frozen=True, kw_only=True)
class Session:
    """What somebody at a terminal saw, and how it ended."""

    code: int
    seen: str


def at_a_terminal(place: Place, *arguments: str, answer: str | signal.Signals, **environment: str) -> Session:
    """Run the command on a terminal of its own and type `answer` when it asks, or send that signal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *arguments],
        cwd=place.path,
        env={**clean_environment(), "PROCA_TOPO_BROKER": "broker.json", "TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    answered = False
    deadline = time.monotonic() + PATIENCE
    while True:
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise AssertionError(f"it has not ended after {PATIENCE} s: {seen.decode()}")
        if select.select([ours], [], [], 0.1)[0]:
            try:
                seen += os.read(ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                break
        if not answered and QUESTION.encode() in seen:
            if isinstance(answer, signal.Signals):
                wait_until(lambda: sleeps(process.pid), "it waits for the answer", seconds=PATIENCE)
                process.send_signal(answer)
            else:
                os.write(ours, answer.encode())
            answered = True
    os.close(ours)
    return Session(code=process.wait(PATIENCE), seen=seen.decode().replace("\r\n", "\n"))


@pytest.mark.parametrize("answer", ["n\n", "\n", "what?\n", "\x04"])
def test_anything_but_a_yes_changes_nothing(place: Place, answer: str) -> None:
    before = place.broker.read_bytes()
    session = at_a_terminal(place, "apply", answer=answer)
    assert session.code == 4
    assert session.seen.endswith("error: nothing was applied, since the answer was no\n")
    assert place.broker.read_bytes() == before


def test_a_yes_applies(place: Place) -> None:
    session = at_a_terminal(place, "apply", answer="y\n")
    assert session.code == 0
    plan, asked, report = session.seen.partition(QUESTION)
    assert asked
    assert "\x1b[32m  + exchange confirm (topic)\x1b[0m\n" in plan
    assert "Done: 7 changes applied and read back. Nothing is pending." in report


def test_yes_beforehand_is_not_asked(place: Place) -> None:
    session = at_a_terminal(place, "apply", "--yes", answer="")
    assert session.code == 0
    assert QUESTION not in session.seen


def test_nothing_to_do_is_not_asked(place: Place) -> None:
    place.run("apply")
    session = at_a_terminal(place, "apply", answer="")
    assert session.code == 0
    assert QUESTION not in session.seen
    assert "No changes. 7 objects are as desired." in session.seen


def test_no_color_is_respected(place: Place) -> None:
    session = at_a_terminal(place, "plan", answer="", NO_COLOR="1")
    assert session.code == 0
    assert "\x1b[" not in session.seen


def test_ctrl_c_instead_of_an_answer_says_that_nothing_was_applied(place: Place) -> None:
    before = place.broker.read_bytes()
    session = at_a_terminal(place, "apply", answer=signal.SIGINT)
    assert session.code == 130
    assert f"{QUESTION}\nNothing was applied.\n" in session.seen
    assert place.broker.read_bytes() == before
