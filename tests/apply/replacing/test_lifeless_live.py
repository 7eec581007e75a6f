"""A quorum queue of a replacement that RabbitMQ was killed just after declaring does not stop it for ever."""

import re
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.apply.report import Status
from proca_topo.broker.moving import transfer
from tests.apply.replacing.killing import killed_at
from tests.apply.replacing.work_queue import apply, publish, queues, statuses, taken, write
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory
from tests.brokers.leaders import forget
from tests.brokers.written import write_down
from tests.live import live_vhost

pytestmark = pytest.mark.broker

MESSAGES: Final = range(20)


@pytest.mark.parametrize(
    ("step", "lifeless"),
    [
        (Step.BIND_ARRIVING, "proca-topo.arriving.work"),
        (Step.PARK, "proca-topo.parked.work"),
        (Step.RETURN_PARKED, "work"),
    ],
)
def test_what_nobody_leads_is_declared_again(
    step: Step, lifeless: str, tmp_path: Path, node_factory: NodeFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RabbitMQ 3.10 does not tell that nothing is in it; then what to do is told, and helps."""
    monkeypatch.setattr(transfer, "_STALL_SECONDS", 3.0)
    node = node_factory()
    with live_vhost(as_broker(node), "/") as there:
        write(tmp_path, ", type: quorum")
        apply(there, tmp_path)
        publish(there, MESSAGES)
        write(tmp_path, ", type: quorum, max-length: 5000")
        with killed_at(monkeypatch, step.name):
            apply(there, tmp_path)
        write_down(node)
        forget(node, there.vhost, lifeless)
    with live_vhost(as_broker(node), "/") as there:
        if node.version.startswith("3."):
            [result] = apply(there, tmp_path).results
            assert result.status is Status.FAILED
            assert re.search(r"delete (it|that one)\b.*, and apply again", result.reason or "")
            node.control("delete_queue", lifeless)
        assert statuses(apply(there, tmp_path)) == {Status.APPLIED}
        assert queues(there) == {"work": {"x-max-length": 5000}}
        assert taken(there) == [*MESSAGES]
