"""Fixtures that any test can ask for by name."""

import os

import pytest

from tests.brokers import versions

pytest_plugins = ["tests.brokers.fixtures"]


def pytest_report_header() -> str:
    """Say which broker the run is for. The summary says which it really was."""
    broker = os.environ.get("PROCA_TOPO_TEST_BROKER")
    return f"broker: {broker}" if broker else f"broker: private nodes, RabbitMQ {versions.selected()}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write-cases` writes the expected files of tests/cases anew."""
    parser.addoption("--write-cases", action="store_true", help="write the expected files of tests/cases anew")
