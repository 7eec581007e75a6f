"""The command, made to die or to wait at a boundary between two steps of a replacement.

    python -m tests.torture.runner TRACE go|kill|hold BOUNDARY ARGUMENT...

TRACE is a file that gets a line for each boundary reached. The first time at BOUNDARY the process gets a
SIGKILL from itself, or waits until somebody kills it or its standard input ends.
"""

import os
import signal
import sys
from pathlib import Path

from proca_topo.apply.replacing import boundary
from proca_topo.cli.main import main


def run(trace: Path, what: str, boundary_name: str) -> int:
    """Install the hook and run the command line of this process."""
    seen: set[str] = set()

    def reached(step: str) -> None:
        with trace.open("a") as lines:
            lines.write(f"{step}\n")
        if step != boundary_name or step in seen:
            return
        seen.add(step)
        if what == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif what == "hold":
            sys.stdin.read()

    # Looked up in the module at each call.
    vars(boundary)["reached"] = reached
    return main()


if __name__ == "__main__":
    _, file, action, place, *rest = sys.argv
    sys.argv = ["proca-topo", *rest]
    sys.exit(run(Path(file), action, place))
