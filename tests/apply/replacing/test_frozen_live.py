"""A command that is frozen for so long that it loses its lock does no harm when it goes on."""

import signal
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.broker.amqp import lock
from proca_topo.errors import LockedError
from tests.brokers.fixtures import TestBroker
from tests.live import Live
from tests.torture.command import REPLACE, At, Command
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

SPEC: Final = """\
topology: 1
owns: [in, work]
exchanges:
  in: {{type: topic}}
queues:
  work: {{{arguments}bindings: [{{exchange: in, key: "#"}}]}}
"""


@pytest.mark.parametrize("step", [Step.BIND_ARRIVING, Step.UNBIND_OLD, Step.MARK_OLD_GONE, Step.UNBIND_ARRIVING])
def test_it_does_not_take_the_routes_of_the_queue_that_another_apply_has_made(
    step: Step, live: Live, broker_urls: TestBroker, tmp_path: Path
) -> None:
    """By then the other one has finished what it had begun."""
    command = Command(folder=tmp_path, broker=broker_urls, vhost=live.vhost)
    (tmp_path / "topology.yaml").write_text(SPEC.format(arguments=""))
    assert command.run("apply").code == 0
    live.fill("work", 3)
    (tmp_path / "topology.yaml").write_text(SPEC.format(arguments="max-length: 1000, "))

    with command.running(*REPLACE, at=At.HOLD, boundary=step.name) as frozen:
        assert frozen.wait_for_step(step.name)
        frozen.process.send_signal(signal.SIGSTOP)
        since = time.monotonic()
        frozen.go_on()
        wait_until(lambda: _is_free(live), "RabbitMQ has closed its connection", seconds=120)
        assert command.run("apply").code == 0
        made = live.definitions()
        # Three heartbeats are longer than that. Here somebody has closed its connection.
        time.sleep(max(0.0, since + lock.FRESH_SECONDS + 1 - time.monotonic()))
        frozen.process.send_signal(signal.SIGCONT)
        ended = frozen.end()

    assert "the lock was lost with its connection" in ended.wrote
    assert live.definitions() == made
    assert live.ready("work") == 3


def _is_free(live: Live) -> bool:
    """Whether the lock is, after all connections are closed that RabbitMQ lists by now. It lists them late."""
    for connection in live.http.get(f"/api/vhosts/{live.path}/connections").raise_for_status().json():
        live.http.delete(f"/api/connections/{quote(connection['name'], safe='')}")
    try:
        live.broker.lock(live.vhost).release()
    except LockedError:
        return False
    return True
