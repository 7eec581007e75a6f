"""Fixtures that any test can ask for by name."""

import os

from tests.brokers import versions

pytest_plugins = ["tests.brokers.fixtures"]


def pytest_report_header() -> str:
    """Say which broker the run is for. The summary says which it really was."""
    broker = os.environ.get("PROCA_TOPO_TEST_BROKER")
    return f"broker: {broker}" if broker else f"broker: private nodes, RabbitMQ {versions.selected()}"
