"""`proca-topo status`."""

import os
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from proca_topo.cli import options, output
from proca_topo.cli.connection import broker_address, show_requests, vhost_of
from proca_topo.errors import UsageError, VhostMissingError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.plan.status import Status
    from proca_topo.spec.topology_file import TopologyFile

_LEAST_SECONDS: Final = 1.0


def status(
    *,
    orgs: options.Orgs = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what is empty, and every row.")] = False,
    watch: Annotated[
        str | None,
        typer.Option(
            "--watch", metavar="[SECONDS]", help="Draw it anew every 2 seconds, or so many.", show_default=False
        ),
    ] = None,
    result_format: options.FormatOption = options.Format.TEXT,
    directory: options.Directory = Path(),
    broker: options.BrokerOption = None,
    amqp: options.Amqp = None,
    vhost: options.Vhost = None,
    verbose: options.Verbose = False,
) -> None:
    """Show what goes on in our queues, and change nothing.

    What needs attention comes first: replacements under way and the messages they hold, messages that nobody
    consumes, queues that are no longer in the spec and what they wait for, messages that wait in retry circuits
    and when they are back at the latest. Then what is being worked on, and the sums for each org.

    Counts of messages are of this moment for classic queues, and up to 7 seconds old for others and for single
    orgs on RabbitMQ 3.10; counts of consumers are up to 7 seconds old.

    The format of --format json is docs/status.schema.json; it holds every queue.

    \b
      proca-topo status
      proca-topo status --org acme --watch
      proca-topo status --format json | jq .summary
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    every_seconds = None if watch is None else _interval(watch, result_format)
    show_requests(verbose=verbose)
    from proca_topo.broker.connect import open_broker
    from proca_topo.spec.read import load_desired
    from proca_topo.spec.topology_file import read_topology

    address = broker_address(broker, amqp)
    topology = read_topology(directory)
    desired = load_desired(topology, orgs=orgs or None)
    name = vhost_of(vhost, topology)
    from proca_topo.apply.survey import read_activity
    from proca_topo.plan.attention import status_of

    with closing(open_broker(address)) as connection:

        def look() -> "Status":
            try:
                found = status_of(read_activity(connection, name, desired), desired)
            except VhostMissingError as missing:
                raise VhostMissingError(f"{missing}; apply --create-vhost makes it") from missing
            _check_orgs(orgs or (), topology, found)
            return found

        match result_format:
            case options.Format.TEXT:
                from proca_topo.render.status_text import status_lines

                if every_seconds is None:
                    output.results(status_lines(look(), everything=everything))
                    return
                from proca_topo.cli.redrawing import redrawn

                redrawn(lambda: status_lines(look(), everything=everything), every_seconds=every_seconds)
            case options.Format.JSON:
                from proca_topo.render.status_json import status_json

                output.result(status_json(look()))


def _interval(watch: str, result_format: options.Format) -> float:
    """The seconds between two pictures. Raises UsageError where there is nobody to see them."""
    if result_format is options.Format.JSON:
        raise UsageError("--watch is for people, and --format json for programs: give one of them")
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        raise UsageError(
            "--watch draws on a terminal, and stdout is none: leave it out, and run status repeatedly"
        )
    # Whole numbers are seconds here, as of every other program that watches.
    seconds = options.seconds(f"{watch}s" if watch.isdecimal() else watch, "--watch")
    if seconds < _LEAST_SECONDS:
        raise UsageError(f"--watch {shown(watch)}: the broker is asked once a second at most")
    return seconds


def _check_orgs(orgs: Sequence[str], topology: "TopologyFile", found: "Status") -> None:
    """An org without a file is one that was removed, if the broker still has a queue of it; else a mistake."""
    seen = {*found.by_org, *(one.org for one in found.replacements)}
    for org in orgs:
        if org not in seen and not topology.has_org_file(org):
            from proca_topo.spec.problems import nearest

            hint = nearest(org, topology.org_names())
            raise UsageError(f"there is no org {shown(org)}, and the broker has no queue of it{hint}")
