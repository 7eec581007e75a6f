"""`python -m bench [SIZE]…`: every figure against its floor in the same run; writes bench/RESULTS.md.

Sizes are numbers of orgs of the plumbing topology (by default 100, 1,000 and 5,000). `python -m bench moving`
measures only how messages are moved, and writes nothing.
"""

import compileall
import random
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from bench.measure import COMMAND, Timing, call, in_turns, process, warm
from bench.moving import moving
from bench.replacing import replacing
from bench.rows import Row, as_markdown
from bench.world import LISTINGS, World, client, write_spec
from proca_topo.sandbox.installation import installed
from proca_topo.sandbox.node import running_node
from proca_topo.spec.findings import review
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.existing import BrokerIdentity, Existing
from proca_topo.topology.nouns import Binding, Exchange
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "bench" / "RESULTS.md"
SIZES = (100, 1000, 5000)
LARGE = 1000
MOVING = "moving"


def main() -> None:
    """Measure everything and write the table."""
    # As pip does when it installs: a checkout in which Python may not write bytecode is compiled at every start.
    compileall.compile_dir(ROOT / "proca_topo", quiet=1)
    if sys.argv[1:] == [MOVING]:
        for row in moving(installed()):
            print(row.as_line(), flush=True)
        return
    sizes = [int(size) for size in sys.argv[1:]] or SIZES
    rows = [*start_up(), *tracing()]
    with tempfile.TemporaryDirectory() as directory, running_node(installed()) as node, client(node) as http:
        world = World(node=node, http=http)
        for size in sizes:
            folder = Path(directory) / str(size)
            folder.mkdir()
            write_spec(folder, size)
            for row in at_size(world, folder, size):
                print(row.as_line(), flush=True)
                rows.append(row)
        version = node.version
    for row in chain(replacing(installed()), moving(installed())):
        print(row.as_line(), flush=True)
        rows.append(row)
    RESULTS.write_text(as_markdown(rows, rabbitmq=version))
    print(f"written to {RESULTS.relative_to(ROOT)}")


def start_up() -> Iterator[Row]:
    """What a command costs before it does anything."""
    bare = process([sys.executable, "-c", "pass"], runs=9, environment={}).median
    version = process([COMMAND, "--version"], runs=9, environment={}).median
    yield Row(what="`--version`", seconds=version, floor=bare, limit=3 * bare + 0.090)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "broker.json"
        file.write_text("{}")
        environment = {"PROCA_TOPO_BROKER": str(file)}
        plan = process([COMMAND, "plan", "-C", str(ROOT)], runs=5, environment=environment)
        yield Row(what="`plan` of the default topology on a definitions file", seconds=plan.median, limit=0.5)


def tracing() -> Iterator[Row]:
    """Where messages go among many bindings, once those are loaded."""
    count = 100_000
    dice = random.Random("traces")
    patterns = ("o{}.*.*", "o{}.custom.action", "*.x{}.#", "o{}.#")
    bindings = frozenset(
        Binding(source="in", destination=f"q{n}", routing_key=dice.choice(patterns).format(n))
        for n in range(count)
    )
    existing = Existing(
        broker=BrokerIdentity(location="none"),
        vhost="bench",
        exchanges={"in": Exchange(name="in", type="topic")},
        bindings=dict.fromkeys(bindings, ("",)),
    )
    routes = Routes(existing)
    messages = [Message(routing_key=f"o{dice.randrange(count)}.custom.action") for _ in range(count)]
    routes.reached("in", messages[0])
    traced = call(lambda: [routes.reached("in", message) for message in messages], runs=3)
    yield Row(what=f"{count:,} traces among {count:,} topic bindings", seconds=traced.median, limit=2.0)


def against(
    floor: Timing, limit: float, whole: Timing, inner: Timing, *, what: str, peak_limit: float | None = None
) -> Iterator[Row]:
    """A command as a whole process, and without what Python takes to start, against the same floor."""
    yield Row(
        what=what,
        seconds=whole.median,
        floor=floor.median,
        limit=limit * floor.median,
        peak_mib=whole.peak_mib,
        peak_limit=peak_limit,
    )
    yield Row(
        what="the same, without the start of Python and its imports",
        seconds=inner.median,
        floor=floor.median,
        limit=limit * floor.median,
    )


def at_size(world: World, folder: Path, size: int) -> Iterator[Row]:
    """Everything that depends on the number of orgs."""
    runs = 5 if size <= LARGE else 3
    orgs = f"{size:,} orgs"
    topology = read_topology(folder)
    loading = call(lambda: load_desired(topology), runs=runs)
    yield Row(what=f"{orgs}: reading and expanding the org files", seconds=loading.median, limit=3.0)
    desired = load_desired(topology)
    reviewing = call(lambda: review(topology, desired, target=(4, 3)), runs=runs)
    yield Row(what=f"{orgs}: the rules of `validate`, beyond loading", seconds=reviewing.median, limit=3.0)

    exported = folder / "export.json"
    environment = {**world.environment, "PROCA_TOPO_VHOST": "bench"}
    process([COMMAND, "export", "-C", str(folder), "--out", str(exported)], runs=1, environment=environment)
    definitions = exported.read_bytes()

    def fresh() -> None:
        world.empty_vhost("bench")

    apply, plan = ["apply", "--yes", "-C", str(folder)], ["plan", "-C", str(folder)]
    floor, whole, inner = in_turns(
        partial(call, lambda: world.raw_import("bench", definitions), runs=1, before=fresh),
        partial(process, [COMMAND, *apply], runs=1, environment=environment, before=fresh),
        partial(warm, apply, runs=1, environment=environment, before=fresh),
        turns=3 if size <= LARGE else 2,
    )
    yield from against(
        floor, 1.15, whole, inner, what=f"{orgs}: `apply` into an empty vhost, against one raw import"
    )

    ways = {
        (name, at_once): call(partial(world.raw_listing, "bench", paths, at_once=at_once), runs=runs).median
        for name, paths in LISTINGS.items()
        for at_once in (False, True)
    }
    name, at_once = min(ways, key=lambda way: ways[way])
    floor, whole, inner = in_turns(
        partial(call, partial(world.raw_listing, "bench", LISTINGS[name], at_once=at_once), runs=1),
        partial(process, [COMMAND, *plan], runs=1, environment=environment),
        partial(warm, plan, runs=1, environment=environment),
        turns=runs,
    )
    cheapest = f"{name}{' at once' if at_once else ''}"
    what = f"{orgs}: `plan` with nothing to do, against {cheapest}"
    yield from against(floor, 1.3, whole, inner, what=what, peak_limit=250)
    one = process([COMMAND, "plan", "--org", "org00042", "-C", str(folder)], runs=runs, environment=environment)
    yield Row(what=f"{orgs}: `plan --org` of one of them", seconds=one.median, limit=0.5, peak_mib=one.peak_mib)
    world.drop_vhost("bench")


if __name__ == "__main__":
    main()
