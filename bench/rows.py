"""The table of results."""

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, kw_only=True)
class Row:
    """One measurement: median seconds, its floor in the same run, and what it should not exceed."""

    what: str
    seconds: float
    floor: float | None = None
    limit: float | None = None
    peak_mib: float | None = None
    peak_limit: float | None = None

    @property
    def within(self) -> bool:
        """Whether it is within its limits."""
        in_time = self.limit is None or self.seconds <= self.limit
        return in_time and (self.peak_limit is None or (self.peak_mib or 0) <= self.peak_limit)

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as text."""
        return (
            self.what,
            f"{self.seconds:.3f} s",
            f"{self.floor:.3f} s" if self.floor is not None else "",
            f"{self.seconds / self.floor:.2f}" if self.floor else "",
            f"{self.limit:.3f} s" if self.limit is not None else "",
            f"{self.peak_mib:.0f} MiB" if self.peak_mib is not None else "",
            "yes" if self.within else "**no**",
        )

    def as_line(self) -> str:
        """The row for a terminal."""
        return "  ".join(cell for cell in self.cells if cell)


def as_markdown(rows: Sequence[Row], *, rabbitmq: str) -> str:
    """The whole page."""
    heads = ("what", "median", "floor", "ratio", "limit", "peak memory", "within")
    lines = [
        "# Measured",
        "",
        (
            f"`make bench` on {datetime.now(tz=UTC):%Y-%m-%d}: {os.cpu_count()} cores, {platform.machine()},"
            f" Python {platform.python_version()}, RabbitMQ {rabbitmq} on the same machine."
        ),
        "Medians of whole processes, start-up included, unless a row says otherwise. A floor is what the same",
        "broker needs in the same run for the least that could do: one raw definitions import, the cheapest",
        "listings of the whole vhost, its own shovel.",
        "",
        f"| {' | '.join(heads)} |",
        f"|{'---|' * len(heads)}",
        *(f"| {' | '.join(row.cells)} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"
