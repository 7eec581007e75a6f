"""`status` as a shell runs it, and at a terminal."""

import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from tests.cli.command import COMMAND, PATIENCE, Place, clean_environment


def test_a_definitions_file_is_a_broker_where_nothing_goes_on(place: Place) -> None:
    place.run("apply")
    ran = place.run("status")
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out
        == """\
Status of vhost proca on broker.json
3 queues: 0 messages ready, 0 unacknowledged, 0 consumers

3 queues are empty and in the spec; --all lists them.
"""
    )


def test_what_is_not_there_yet_and_what_is_no_longer_wanted(place: Place) -> None:
    place.run("apply")
    place.write_org("beta")
    place.write_org("acme", "{}\n")
    assert (
        place.run("status").out
        == """\
Status of vhost proca on broker.json
3 queues: 0 messages ready, 0 unacknowledged, 0 consumers
1 queue of the spec is not there: beta.confirm; plan tells more

No longer in the spec
     ready  unacked  consumers  queue
         0        0          0  acme.crm
            nothing keeps it: apply --prune deletes it

2 queues are empty and in the spec; --all lists them.
"""
    )


def test_json_holds_every_queue(place: Place) -> None:
    place.run("apply")
    document = place.run("status", "--format", "json").document()
    assert document["summary"]["queues"] == 3
    assert {queue["name"]: queue["org"] for queue in document["queues"]} == {
        "acme.confirm": "acme",
        "acme.crm": "acme",
        "system.sqs": None,
    }


def test_single_orgs(place: Place) -> None:
    place.write_org("beta")
    place.run("apply")
    document = place.run("status", "--org", "beta", "--org", "acme", "--format", "json").document()
    assert document["orgs"] == ["acme", "beta"]
    assert {queue["org"] for queue in document["queues"]} == {"acme", "beta"}


def test_an_org_that_is_nowhere_is_a_slip_of_the_pen(place: Place) -> None:
    place.run("apply")
    ran = place.run("status", "--org", "acne")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == "error: there is no org acne, and the broker has no queue of it; did you mean acme?\n"


def test_an_org_that_has_gone_and_left_something(place: Place) -> None:
    place.run("apply")
    place.run("remove-org", "acme")
    ran = place.run("status", "--org", "acme")
    assert ran.code == 0
    assert ran.out.count("nothing keeps it: apply --prune deletes it") == 2


def test_a_vhost_that_is_not_there(place: Place) -> None:
    ran = place.run("status", "--vhost", "elsewhere")
    assert ran.code == 1
    assert ran.err.endswith("; apply --create-vhost makes it\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--watch",), "--watch draws on a terminal, and stdout is none: leave it out, and run status repeatedly"),
        (
            ("--watch", "5", "--format", "json"),
            "--watch is for people, and --format json for programs: give one of them",
        ),
    ],
)
def test_a_picture_is_drawn_for_people_only(place: Place, arguments: tuple[str, ...], message: str) -> None:
    ran = place.run("status", *arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")


class Watching:
    """The command at a terminal of its own."""

    def __init__(self, place: Place, *arguments: str, columns: int = 80) -> None:
        self._ours, theirs = pty.openpty()
        environment = {**clean_environment(), "PROCA_TOPO_BROKER": "broker.json", "TERM": "xterm-256color"}
        environment |= {"COLUMNS": str(columns), "LINES": "20"}
        self.process = subprocess.Popen(
            [COMMAND, "status", *arguments],
            cwd=place.path,
            env=environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.seen = ""

    def until(self, text: str) -> None:
        """Read on until this is to be seen."""
        deadline = time.monotonic() + PATIENCE
        since = len(self.seen)
        while text not in self.seen[since:]:
            assert time.monotonic() < deadline, f"{text!r} never came: {self.seen[since:]!r}"
            self._read()

    def end(self, number: signal.Signals | None) -> int:
        """Send a signal, if one is needed; the result is the exit code."""
        if number is not None:
            self.process.send_signal(number)
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(PATIENCE)

    def _read(self) -> bool:
        if select.select([self._ours], [], [], 0.2)[0]:
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # Linux says so when the other side is closed
                return False
            self.seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data.decode(errors="replace"))
        return self.process.poll() is None


def test_a_terminal_sees_it_change_until_ctrl_c(place: Place) -> None:
    place.run("apply")
    watching = Watching(place, "--watch", "1")
    watching.until("every 1 s until Ctrl-C")
    watching.until("3 queues:")
    place.write_broker()
    watching.until("3 queues of the spec are not there")
    assert watching.end(signal.SIGINT) == 0
    assert "Traceback" not in watching.seen


def test_every_two_seconds_if_nothing_else_is_said(place: Place) -> None:
    watching = Watching(place, "--watch")
    watching.until("every 2 s until Ctrl-C")
    assert watching.end(signal.SIGTERM) == 143


def test_a_broker_that_fails_for_a_while_is_asked_again(place: Place) -> None:
    place.run("apply")
    watching = Watching(place, "--watch", "1")
    watching.until("3 queues:")
    content = place.broker.read_bytes()
    place.broker.unlink()
    watching.until("not current: there is no file broker.json")
    place.broker.write_bytes(content)
    watching.until("until Ctrl-C\r\nStatus of vhost proca")
    assert watching.end(signal.SIGINT) == 0


def test_it_is_asked_once_a_second_at_most(place: Place) -> None:
    watching = Watching(place, "--watch", "100ms")
    watching.until("error: --watch 100ms: the broker is asked once a second at most")
    assert watching.end(None) == 2
