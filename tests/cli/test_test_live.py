"""`test --live` on a real RabbitMQ: a broker's own answer, and nothing left of it."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO, Final

import jsonschema
import pytest

from tests.brokers.fixtures import TestBroker
from tests.cli.command import COMMAND, PATIENCE, TOPOLOGY, Place, Ran, clean_environment, rest_of
from tests.cli.test_test import ROUTES, SCHEMA
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class LiveTests:
    """A directory with a spec, and a broker to try it on."""

    def __init__(self, place: Place, broker: TestBroker) -> None:
        self.place = place
        self.broker = broker
        self.before = self.vhosts()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PROCA_TOPO_BROKER": self.broker.management_url,
            "PROCA_TOPO_AMQP": self.broker.amqp_url,
            "PROCA_TOPO_USERNAME": self.broker.username,
            "PROCA_TOPO_PASSWORD": self.broker.password,
        }

    def run(self, *arguments: str, **environment: str) -> Ran:
        return self.place.run("test", "--live", *arguments, **{**self.environment, **environment})

    def start(
        self, *arguments: str, stdout: int | IO[bytes] = subprocess.PIPE, program: Sequence[str] = (COMMAND,)
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*program, "test", "--live", *arguments],
            cwd=self.place.path,
            env={**clean_environment(), **self.environment},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def vhosts(self) -> set[str]:
        with self.broker.http() as http:
            return {one["name"] for one in http.get("/api/vhosts").raise_for_status().json()}


@pytest.fixture
def live(place: Place, broker_urls: TestBroker) -> Iterator[LiveTests]:
    """Contracts for two orgs. Whatever a test does, there is no vhost more than before it."""
    (place.path / "topology.yaml").write_text(TOPOLOGY + ROUTES)
    place.write_org("beta", "options: {sqs: true}\n")
    found = LiveTests(place, broker_urls)
    yield found
    assert found.vhosts() == found.before


def test_all_are_kept(live: LiveTests) -> None:
    ran = live.run()
    assert ran.code == 0
    assert re.fullmatch(
        rf"Testing in the vhost proca-topo\.test\.[0-9a-f]{{16}} on {live.broker.management_url},"
        r" with delays of 200 ms at most\.\n",
        ran.err,
    )
    version = live.broker.version
    assert ran.out.split() == (
        f"5 route contracts, of what is shared and of 2 orgs, on RabbitMQ {version}: 5 kept.".split()
    )


def test_what_a_broker_does_otherwise_is_shown(live: LiveTests) -> None:
    live.place.write_org("beta", 'bindings: [{queue: "{org}.confirm", exchange: deliver, key: "x"}]\n')
    ran = live.run("--format", "json", "--junit", "report.xml")
    document = ran.document()
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert ran.code == 1
    assert document["summary"] == {"kept": 4, "broken": 1, "undecided": 0}
    assert document["broker"]["version"] == live.broker.version
    assert document["contracts"][0]["unexpected"] == ["beta.confirm"]
    assert 'message="too many: beta.confirm"' in (live.place.path / "report.xml").read_text()


def test_with_an_org_only_that_org_is_applied(live: LiveTests) -> None:
    ran = live.run("--org", "acme", "--format", "json", "-v")
    assert ran.code == 0
    assert {one["org"] for one in ran.document()["contracts"]} == {None, "acme"}
    assert "acme.confirm" in ran.err
    assert "beta.confirm" not in ran.err


def test_a_plugins_type_is_asked_of_the_broker(live: LiveTests) -> None:
    """What cannot be told is told by the broker; where it does not know the type either, that is its answer."""
    text = "topology: 1\nowns: [h]\nexchanges: {h: {type: x-nobody-has-it}}\n"
    text += "routes: [{publish: {exchange: h}, reaches: []}]\n"
    (live.place.path / "topology.yaml").write_text(text)
    (live.place.path / "orgs" / "acme.yaml").write_text("")
    (live.place.path / "orgs" / "beta.yaml").write_text("")
    ran = live.run()
    assert (ran.code, ran.out) == (1, "")
    assert "error: the spec cannot be applied there, so nothing was tested: exchange h: " in ran.err


def test_without_contracts_no_broker_is_asked(live: LiveTests) -> None:
    (live.place.path / "topology.yaml").write_text(TOPOLOGY)
    ran = live.run("-v")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("There are no route contracts; ")


def test_amqp_that_cannot_be_reached_leaves_no_vhost(live: LiveTests, deaf_port: int) -> None:
    ran = live.run(PROCA_TOPO_AMQP=f"amqp://127.0.0.1:{deaf_port}")
    assert (ran.code, ran.out) == (1, "")
    assert "nothing listens at amqp://127.0.0.1:" in ran.err


def test_a_wrong_password(live: LiveTests) -> None:
    ran = live.run(PROCA_TOPO_PASSWORD="wrong")
    assert (ran.code, ran.out) == (1, "")
    assert "does not accept the user" in ran.err


def test_only_administrators_can(live: LiveTests) -> None:
    user, password = f"user-{secrets.token_hex(4)}", secrets.token_hex(8)
    with live.broker.http() as http:
        body = {"password": password, "tags": "monitoring"}
        http.put(f"/api/users/{user}", json=body).raise_for_status()
        try:
            ran = live.run(PROCA_TOPO_USERNAME=user, PROCA_TOPO_PASSWORD=password)
        finally:
            http.delete(f"/api/users/{user}").raise_for_status()
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.endswith(
        "; a trial needs a vhost of its own, which only administrators can make: use such a user, or a sandbox"
        " (no --broker)\n"
    )


def test_a_definitions_file_is_no_broker_to_try_on(live: LiveTests) -> None:
    ran = live.run(PROCA_TOPO_BROKER="broker.json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: --live needs a broker, and broker.json is a definitions file: ")


def test_without_a_broker_it_starts_a_sandbox(live: LiveTests) -> None:
    ran = live.run(PROCA_TOPO_BROKER="", PROCA_TOPO_AMQP="", PROCA_TOPO_USERNAME="", PROCA_TOPO_PASSWORD="")
    assert ran.code == 0
    assert re.match(r"Starting RabbitMQ \S+ …\nTesting in the vhost proca-topo\.test\.", ran.err)
    assert ran.out.endswith("kept.\n")


def test_a_sandbox_has_the_plugins_whose_exchanges_are_in_the_spec(live: LiveTests) -> None:
    """Those that come with RabbitMQ; each is asked where a message goes."""
    text = "topology: 1\nowns: [q, 'h.*']\nqueues: {q: {}}\n"
    types = ("x-consistent-hash", "x-random", "x-recent-history", "x-modulus-hash")
    text += "exchanges:\n  h.jms: {type: x-jms-topic}\n" + "".join(
        f"  h.{one}: {{type: {one}}}\n" for one in types
    )
    text += "bindings:\n" + "".join(f'  - {{queue: q, exchange: h.{one}, key: "1"}}\n' for one in types)
    text += "routes:\n  - {publish: {exchange: h.jms, key: a}, reaches: []}\n"
    text += "".join(f"  - {{publish: {{exchange: h.{one}, key: a}}, reaches: [q]}}\n" for one in types)
    (live.place.path / "topology.yaml").write_text(text)
    (live.place.path / "orgs" / "acme.yaml").write_text("")
    (live.place.path / "orgs" / "beta.yaml").write_text("")
    ran = live.run(PROCA_TOPO_BROKER="", PROCA_TOPO_AMQP="", PROCA_TOPO_USERNAME="", PROCA_TOPO_PASSWORD="")
    assert ran.code == 0, ran.err
    assert ran.out.endswith(": 5 kept.\n")


MOMENTS: Final = [
    pytest.param(r"PUT \S+/api/vhosts/", id="the vhost is made"),
    pytest.param(r"PUT \S+/api/permissions/", id="it has permissions"),
    pytest.param(r"POST \S+/api/definitions/", id="half of it is declared"),
    pytest.param(r"GET \S+/api/exchanges/\S+/deliver/bindings/source", id="it is read back"),
]


def _many_orgs(place: Place, count: int) -> None:
    for number in range(count):
        letters = "".join("abcdefghij"[int(digit)] for digit in f"{number:03}")
        place.write_org(f"org{letters}")


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_signal_ends_it_and_the_vhost_goes(live: LiveTests, number: signal.Signals, moment: str) -> None:
    _many_orgs(live.place, 60)
    with _full_pipe() as stdout, live.start("-v", stdout=stdout) as process:
        assert process.stderr is not None
        seen: list[str] = []
        for line in process.stderr:
            seen.append(line)
            if re.match(moment, line):
                process.send_signal(number)
                break
        rest = rest_of(process)
    # A shell takes both for the same; the latter where the signal came late, and there was nothing left to remove.
    assert process.returncode in {128 + number, -number}, (seen, rest)
    assert re.search(r"^DELETE \S+/api/vhosts/proca-topo\.test\.\S+ 204", rest, re.MULTILINE)


@contextmanager
def _full_pipe() -> Iterator[IO[bytes]]:
    """What waits for ever when it writes its result, so that a signal does not come when it has ended."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"), os.fdopen(writing, "wb") as pipe:
        os.set_blocking(writing, False)
        with suppress(BlockingIOError):
            while True:
                os.write(writing, bytes(4096))
        os.set_blocking(writing, True)
        yield pipe


@pytest.mark.parametrize("moment", [*MOMENTS, pytest.param(r"DELETE \S+/api/vhosts/", id="it is being removed")])
def test_after_a_sigkill_the_vhost_goes_too(live: LiveTests, moment: str) -> None:
    """Another process waits for that."""
    _many_orgs(live.place, 60)
    with _full_pipe() as stdout, live.start("-v", stdout=stdout) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if re.match(moment, line):
                process.kill()
                break
        rest_of(process)
    assert process.returncode == -signal.SIGKILL
    wait_until(lambda: live.vhosts() == live.before, "the vhost is gone", seconds=PATIENCE)


@pytest.mark.parametrize("milliseconds", [100, 700, 1300, 1600, 1900, 2200, 2500])
def test_a_signal_at_any_moment(live: LiveTests, milliseconds: int) -> None:
    """Whatever it is doing then, publishing and consuming too: the fixture looks whether the vhost is gone."""
    _many_orgs(live.place, 60)
    with live.start() as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Testing in the vhost ")
        time.sleep(milliseconds / 1000)
        process.send_signal(signal.SIGINT)
        err = rest_of(process)
    # The last where it had done everything, and Python itself took the signal.
    assert process.returncode in {130, 0, -signal.SIGINT}, err


# proca-topo that interrupts itself while it declares, and again and again while it removes the vhost.
INTERRUPTED: Final = """\
import os, signal
from proca_topo.broker.http.client import ManagementApi
from proca_topo.cli.main import program

once = ManagementApi._once

def interrupted(self, method, path, content):
    numbers = []
    if method == "POST" and "/definitions/" in path:
        numbers = [signal.SIGINT]
    if method == "DELETE" and "/vhosts/" in path:
        numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    for number in numbers:
        os.kill(os.getpid(), number)
    return once(self, method, path, content)

ManagementApi._once = interrupted
program()
"""


def test_more_signals_do_not_stop_the_cleaning(live: LiveTests) -> None:
    _many_orgs(live.place, 60)
    (live.place.path / "interrupted.py").write_text(INTERRUPTED)
    with live.start("-v", program=(sys.executable, "interrupted.py")) as process:
        rest = rest_of(process)
    assert process.returncode == 130
    assert rest.count("Still removing the vhost of the test.\n") == 3
    assert re.search(r"^DELETE \S+/api/vhosts/proca-topo\.test\.\S+ 204", rest, re.MULTILINE)


def test_a_reader_that_goes_away_leaves_no_vhost(live: LiveTests) -> None:
    with live.start() as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        process.stderr.read()
    assert process.returncode == 1
