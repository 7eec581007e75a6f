"""An apply may be killed at any moment: another one finishes it."""

import os
import random
import subprocess
import time
from pathlib import Path
from typing import Final

import pytest

from tests.brokers.fixtures import TestBroker
from tests.cli.command import COMMAND
from tests.live import Live, desired_in, live_vhost

pytestmark = pytest.mark.broker

SPEC: Final = """\
topology: 1
owns: ["in", "system.*", "{org}.*"]
exchanges:
  in: {type: topic}
retry:
  system: {delay: 30s, fail: system.fail, wait: system.retry, return: system.retry}
org:
  queues:
    "{org}.a": {retry: system, bindings: [{exchange: in, key: "{org}.a.#"}]}
    "{org}.b": {retry: system, bindings: [{exchange: in, key: "{org}.b.#"}]}
"""
ORGS: Final = 30
KILLS: Final = int(os.environ.get("PROCA_TOPO_TEST_KILLS", "50"))
BATCHES: Final = max(1, KILLS // 10)


def write_spec(folder: Path, orgs: range) -> None:
    (folder / "orgs").mkdir(parents=True)
    (folder / "topology.yaml").write_text(SPEC)
    for number in orgs:
        (folder / "orgs" / f"org{number}.yaml").write_text("{}\n")


def start(folder: Path, live: Live) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PROCA_TOPO_BROKER": live.test_broker.management_url,
        "PROCA_TOPO_AMQP": live.test_broker.amqp_url,
        "PROCA_TOPO_USERNAME": live.test_broker.username,
        "PROCA_TOPO_PASSWORD": live.test_broker.password,
    }
    return subprocess.Popen(
        [
            COMMAND,
            "apply",
            "--yes",
            "--prune",
            "--allow-deletes",
            "1000",
            "-C",
            str(folder),
            "--vhost",
            live.vhost,
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("batch", range(BATCHES))
def test_a_killed_apply_is_finished_by_the_next(
    batch: int, tmp_path: Path, broker_urls: TestBroker, vhost: str
) -> None:
    """Half of the orgs go and others come; SIGKILL falls at a random moment; the next apply leaves nothing to do.

    The queues that stay keep the messages that were in them.
    """
    randomly = random.Random(batch)
    write_spec(tmp_path / "before", range(ORGS))
    write_spec(tmp_path / "after", range(ORGS // 2, ORGS + ORGS // 2))
    before, after = desired_in(tmp_path / "before"), desired_in(tmp_path / "after")
    with live_vhost(broker_urls, vhost) as live:
        live.apply(before)
        live.fill("org20.a", 5)
        started = time.monotonic()
        assert start(tmp_path / "after", live).wait() == 0
        whole = time.monotonic() - started
        killed = 0
        directions = (("before", before), ("after", after))
        for number in range(KILLS // BATCHES):
            folder, desired = directions[number % 2]
            running = start(tmp_path / folder, live)
            started = time.monotonic()
            try:
                running.wait(randomly.uniform(0.15, 0.8) * whole)
                # The run that was measured had a slower machine.
                whole = time.monotonic() - started
            except subprocess.TimeoutExpired:
                running.kill()
                killed += running.wait() != 0
            report = live.apply(desired, with_prune=True)
            assert report.exit_code(detailed=True) == 0, report
            assert report.after is not None
            assert report.after.changes == ()
        with live.channel() as channel:
            assert channel.queue_declare("org20.a", passive=True).method.message_count == 5
        # A run may end before its kill; enough must not, or this test would show nothing.
        assert killed >= KILLS // BATCHES // 5
