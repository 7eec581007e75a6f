"""Replacing a queue that has no messages: what the steps themselves take."""

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from unittest.mock import patch

from bench.measure import COMMAND, process
from bench.rows import Row
from bench.world import World, client
from proca_topo.apply.replacing import boundary
from proca_topo.cli.app import run
from proca_topo.cli.main import prepare
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.node import running_node

RUNS = 5
MANY = 20
LIMIT = 1.0


def replacing(installation: Installation) -> Iterator[Row]:
    """Three rows for each type of queue: from the first step to the last, the whole command, and many at once."""
    prepare()
    for kind in ("classic", "quorum"):
        yield from _replacing(installation, kind)


def _replacing(installation: Installation, kind: str) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as directory, running_node(installation) as node, client(node) as http:
        world = World(node=node, http=http)
        world.empty_vhost("bench")
        limits = count(1)
        whole_command = partial(
            process,
            [COMMAND, *_apply(Path(directory))],
            environment=world.environment,
            before=lambda: _write(Path(directory), kind, next(limits)),
        )
        whole_command(runs=1)  # it declares the queue
        steps = [_steps(world, Path(directory), kind, next(limits)) for _ in range(RUNS)]
        yield Row(what=f"replacing an empty {kind} queue, all its steps", seconds=median(steps), limit=LIMIT)
        whole = whole_command(runs=RUNS)
        yield Row(what="the same, the whole `apply --replace`", seconds=whole.median)
        whole_of_many = partial(whole_command, before=lambda: _write(Path(directory), kind, next(limits), MANY))
        whole_of_many(runs=1)  # it declares the others
        yield Row(what=f"the same of {MANY} such queues", seconds=whole_of_many(runs=RUNS).median)


def _steps(world: World, directory: Path, kind: str, limit: int) -> float:
    """Seconds from the first boundary of the replacement to the last."""
    at: list[float] = []
    _write(directory, kind, limit)
    with (
        patch.dict(os.environ, world.environment),
        patch.object(boundary, "reached", lambda _: at.append(time.perf_counter())),
        Path(os.devnull).open("w") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        code = run(_apply(directory))
    if code:
        raise SystemExit(f"apply ended with {code}")
    return at[-1] - at[0]


def _apply(directory: Path) -> list[str]:
    return ["apply", "--yes", "--replace", "--allow-deletes", str(MANY), "-C", str(directory)]


def _write(directory: Path, kind: str, limit: int, count: int = 1) -> None:
    (directory / "orgs").mkdir(exist_ok=True)
    (directory / "topology.yaml").write_text(
        "topology: 1\n"
        "vhost: bench\n"
        "owns: [in, 'work*']\n"
        "exchanges: {in: {type: topic}}\n"
        "queues:\n"
        + "".join(
            f"  work{number}: {{type: {kind}, max-length: {1000 + limit},"
            ' bindings: [{exchange: in, key: "#"}]}\n'
            for number in range(count)
        )
    )
