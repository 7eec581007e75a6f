"""A node that takes no messages, since it has no memory left for them."""

from typing import Final

import httpx

from proca_topo.sandbox.node import Node
from tests.brokers.cluster import as_broker
from tests.waiting import wait_until

_SECONDS: Final = 180


def raise_alarm(node: Node) -> None:
    """Let RabbitMQ use less memory than it does, and wait until it has told that to its connections."""
    node.control("set_vm_memory_high_watermark", "0.00001")
    with as_broker(node).http() as http:
        wait_until(
            lambda: http.get("/api/health/checks/alarms").status_code == httpx.codes.SERVICE_UNAVAILABLE,
            "RabbitMQ has raised the alarm",
            seconds=_SECONDS,
        )
