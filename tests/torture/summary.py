"""The torture's result in the last lines of a test run, and in its JUnit file."""

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.torture.tally import Tally, told

_PROPERTY = "torture."


@pytest.fixture
def tally(record_property: Callable[[str, object], None], request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What the test counts in is told when it has ended, however it did."""
    counted = Tally()
    yield counted
    for name, number in counted.numbers.items():
        record_property(f"{_PROPERTY}{name}", number)
    print(f"\n{request.node.name}: {counted}")  # noqa: T201 - seen with -s


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what all of it came to."""
    numbers: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "teardown":
                numbers.update(
                    {name: value for name, value in report.user_properties if name.startswith(_PROPERTY)}
                )
    if numbers:
        by_name = {name.removeprefix(_PROPERTY): number for name, number in numbers.items()}
        terminalreporter.write_line(f"torture: {told(by_name)}")
