"""What a broker logged, as far as people want to read it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TAIL_LINES: Final = 12
_PREFIX: Final = re.compile(r"^\d{4}-\S+ \S+ \[\w+\] <[\d.]+> ?", re.MULTILINE)
# After RabbitMQ has said why it cannot start, Erlang reports the same in a hundred lines of its own, on two
# streams that can meet in one line.
_BOOT_FAILED: Final = "Error during startup"
_ERLANG_REPORT: Final = re.compile(r"supervisor:|crasher:|\{exit,terminating|Kernel pid terminated")
# Blank, or from the inside of such a report.
_NO_NEWS: Final = re.compile(r"\s*$|    ")
_PORT_TAKEN: Final = re.compile(r"eaddrinuse|dist_port_already_used")


@dataclass(frozen=True, kw_only=True)
class Log:
    """A broker's log file, from `start` on (bytes): one run of the broker."""

    path: Path
    start: int = 0

    @classmethod
    def from_here(cls, path: Path) -> "Log":
        """What will be logged from now on."""
        return cls(path=path, start=path.stat().st_size if path.exists() else 0)

    def tail(self) -> str:
        """The last lines that say something, without time stamps and Erlang's crash reports."""
        text = self._text()
        report = _ERLANG_REPORT.search(text, text.find(_BOOT_FAILED)) if _BOOT_FAILED in text else None
        told = text[: report.start()] if report else text
        lines = [line.rstrip() for line in _PREFIX.sub("", told).splitlines() if not _NO_NEWS.match(line)]
        return "\n".join(lines[-_TAIL_LINES:]) or "(nothing)"

    def says_port_taken(self) -> bool:
        """Whether the broker found one of its ports in use."""
        return _PORT_TAKEN.search(self._text()) is not None

    def _text(self) -> str:
        with self.path.open("rb") as log:
            log.seek(self.start)
            return log.read().decode(errors="replace")
