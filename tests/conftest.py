"""Fixtures that any test can ask for by name."""

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.brokers import versions

# On a busy machine anything takes long at times, which says nothing of what is tested.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")

pytest_plugins = ["tests.brokers.fixtures", "tests.live", "tests.torture.summary"]


def pytest_configure() -> None:
    """What is started in the background has signals ignored, and so has every process that a test starts."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)


@pytest.hookimpl(trylast=True)  # of those that are selected
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes, and mostly waits, comes first, and in the middle: `--dist worksteal` begins at several
    places, so that two workers do that and the others the rest meanwhile.
    """
    long = [item for item in items if "torture" in item.path.parts]
    longest = [item for item in long if item.path.name == "test_replacing.py"]
    others = [item for item in items if item not in long]
    middle = len(items) // 2 - len(longest)
    items[:] = [*longest, *others[:middle], *(item for item in long if item not in longest), *others[middle:]]


def pytest_report_header() -> str:
    """Say which broker the run is for. The summary says which it really was."""
    broker = os.environ.get("PROCA_TOPO_TEST_BROKER")
    return f"broker: {broker}" if broker else f"broker: private nodes, RabbitMQ {versions.selected()}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write-cases` writes the expected files of tests/cases anew."""
    parser.addoption("--write-cases", action="store_true", help="write the expected files of tests/cases anew")
