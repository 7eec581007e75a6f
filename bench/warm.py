"""`python -m bench.warm ARGUMENT…`: one command in a process that is up, with everything imported that it needs.

Prints its seconds. What is left out is the start of Python and its imports, which do not grow with a vhost.
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from proca_topo.cli.app import run
from proca_topo.cli.main import prepare

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Plan the default topology on a definitions file, which imports nearly all; then time the command."""
    prepare()
    with tempfile.TemporaryDirectory() as directory, Path(os.devnull).open("w") as nowhere:
        file = Path(directory) / "broker.json"
        file.write_text(json.dumps({}))
        with contextlib.redirect_stdout(nowhere):
            run(["plan", "-C", str(ROOT), "--broker", str(file), "--vhost", "/"])
        _import_the_rest()
        with contextlib.redirect_stdout(nowhere):
            started = time.perf_counter()
            code = run(sys.argv[1:])
            seconds = time.perf_counter() - started
    print(seconds)
    return code


def _import_the_rest() -> None:
    """What only talks to a live broker, and what only an apply needs."""
    import httpcore  # noqa: F401
    import pika  # noqa: F401

    import proca_topo.apply.run
    import proca_topo.broker.amqp.lock
    import proca_topo.broker.management
    import proca_topo.cli.apply
    import proca_topo.render.report_text  # noqa: F401


if __name__ == "__main__":
    sys.exit(main())
