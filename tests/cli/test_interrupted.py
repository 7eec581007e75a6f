"""An apply that is interrupted says what it has done by then, and the same command goes on from there."""

import json
import signal
import subprocess
import sys
import time
from itertools import product
from string import ascii_lowercase
from typing import Any, Final

import jsonschema
import pytest

from proca_topo.render.report_json import report_schema
from tests.brokers.fixtures import TestBroker
from tests.cli.command import PATIENCE, Place, clean_environment, rest_of, without_progress

pytestmark = pytest.mark.broker

# So many that an import takes a while, and their names would fill pages.
ORGS: Final = 1000
OBJECTS: Final = 3 + 4 * ORGS
GOES_ON: Final = "Interrupted; the same command, run again, goes on from here."
HEARD: Final = "stopping after the request under way"

# proca-topo that goes no further than this until there is a file: what comes meanwhile comes in time.
HOLDING: Final = """\
import time
from itertools import count
from pathlib import Path
from proca_topo.broker.http.client import ManagementApi
from proca_topo.cli.main import program

once, number = ManagementApi._once, count()

def hold():
    while not Path("go").exists():
        time.sleep(0.02)

def held(self, method, path, content):
    if method == "PUT" and "/queues/" in path and next(number) >= 3:
        hold()  # all but the first three queues that are declared one by one
    answer = once(self, method, path, content)
    if method == "POST" and "/definitions/" in path and b'"queues"' in content:
        hold()  # what is bound comes after this
    return answer

ManagementApi._once = held
program()
"""


@pytest.fixture
def crowded(place: Place) -> Place:
    """A spec whose apply takes seconds."""
    (place.path / "orgs" / "acme.yaml").unlink()
    for letters in list(product(ascii_lowercase, repeat=3))[:ORGS]:
        place.write_org(f"org{''.join(letters)}", "options: {crm: true}\n")
    return place


def _start(place: Place, broker: TestBroker, vhost: str, *arguments: str) -> subprocess.Popen[str]:
    """Begin an apply that holds."""
    (place.path / "holding.py").write_text(HOLDING)
    return subprocess.Popen(
        [sys.executable, "holding.py", "apply", "--vhost", vhost, *arguments],
        cwd=place.path,
        env={
            **clean_environment(),
            "PROCA_TOPO_BROKER": broker.management_url,
            "PROCA_TOPO_AMQP": broker.amqp_url,
            "PROCA_TOPO_USERNAME": broker.username,
            "PROCA_TOPO_PASSWORD": broker.password,
        },
        # A pipe that nobody reads would stop it at the plan, which is long.
        stdout=(place.path / "out").open("w"),
        stderr=subprocess.PIPE,
        text=True,
    )


def _ended(process: subprocess.Popen[str], place: Place) -> tuple[str, str]:
    """Its stdout and what is left of its stderr."""
    err = rest_of(process)
    return (place.path / "out").read_text(), without_progress(err)


def _go_on(place: Place) -> None:
    (place.path / "go").touch()


def _interrupt(process: subprocess.Popen[str], broker: TestBroker, vhost: str, number: signal.Signals) -> None:
    """Send the signal as soon as the broker has any queue of it, and wait until it is heard."""
    with broker.http() as http:
        deadline = time.monotonic() + PATIENCE
        # The first queue of all is the lock.
        while len(http.get(f"/api/queues/{vhost}?disable_stats=true&columns=name").json()) < 2:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
    process.send_signal(number)
    assert process.stderr is not None
    said: list[str] = []
    while not said or HEARD not in said[-1]:
        said.append(process.stderr.readline())
        assert said[-1], f"it ended, and had not heard the signal: {said}"


def _there(broker: TestBroker, vhost: str) -> int:
    """How many of the spec's objects the broker has."""
    with broker.http() as http:
        exported: dict[str, Any] = http.get(f"/api/definitions/{vhost}").raise_for_status().json()
    return sum(len(exported[section]) for section in ("exchanges", "queues", "bindings"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_was_done_is_listed_and_the_next_apply_goes_on(
    crowded: Place, broker_urls: TestBroker, vhost: str, number: signal.Signals, code: int
) -> None:
    process = _start(crowded, broker_urls, vhost)
    _interrupt(process, broker_urls, vhost, number)
    _go_on(crowded)
    out, err = _ended(process, crowded)
    assert (process.returncode, err) == (code, "")
    report = " ".join(out.partition("\nApplied to ")[2].split())
    there = _there(broker_urls, vhost)
    assert 0 < there < OBJECTS
    assert f": {there} declared" in report
    assert f"Not tried: {OBJECTS - there}" in report
    assert report.endswith(f"Partly applied: {there} of {OBJECTS} changes. {GOES_ON}")
    # What was not tried has one reason, and thousands of names say no more than their number.
    assert len(out.partition("\nApplied to ")[2].splitlines()) < 20
    again = _start(crowded, broker_urls, vhost)
    out, err = _ended(again, crowded)
    assert (again.returncode, err) == (0, "")
    assert f"Done: {OBJECTS - there} changes applied and read back." in " ".join(out.split())


def test_as_json_it_is_a_report_too(crowded: Place, broker_urls: TestBroker, vhost: str) -> None:
    process = _start(crowded, broker_urls, vhost, "--format", "json")
    _interrupt(process, broker_urls, vhost, signal.SIGINT)
    _go_on(crowded)
    out, _ = _ended(process, crowded)
    assert process.returncode == 130
    document = json.loads(out)
    jsonschema.validate(document, report_schema())
    there = _there(broker_urls, vhost)
    assert (document["summary"]["applied"], document["summary"]["not_tried"]) == (there, OBJECTS - there)
    assert document["outcome"].endswith(GOES_ON)
    assert document["stopped"] == "interrupted"


def test_a_second_ctrl_c_ends_it_at_once(crowded: Place, broker_urls: TestBroker, vhost: str) -> None:
    process = _start(crowded, broker_urls, vhost)
    _interrupt(process, broker_urls, vhost, signal.SIGINT)
    process.send_signal(signal.SIGINT)
    out, err = _ended(process, crowded)
    assert process.returncode == 130
    assert "\nApplied to " not in out
    assert err == "Interrupted. Nothing is half-done that running the same command again would not finish.\n"


def test_what_was_under_way_is_waited_for(place: Place, broker_urls: TestBroker, vhost: str) -> None:
    """Few objects are declared one by one, eight at a time: those that were begun are done when it reads back."""
    for letters in list(product(ascii_lowercase, repeat=1))[:16]:
        place.write_org(f"org{letters[0]}")
    process = _start(place, broker_urls, vhost)
    _interrupt(process, broker_urls, vhost, signal.SIGINT)
    _go_on(place)
    out, _ = _ended(process, place)
    assert process.returncode == 130
    there = _there(broker_urls, vhost)
    assert 3 <= there <= 21, "exchanges and queues, and no binding"
    assert f": {there} declared" in " ".join(out.partition("\nApplied to ")[2].split())
