"""`proca-topo export`."""

from pathlib import Path
from typing import Annotated

import typer

from proca_topo.cli import options, output
from proca_topo.cli.named_orgs import check_named_orgs
from proca_topo.cli.places import check_place


def export(
    *,
    orgs: options.Orgs = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to this file.", show_default="stdout")
    ] = None,
    directory: options.Directory = Path(),
    vhost: options.Vhost = None,
) -> None:
    """Write what the spec says as a RabbitMQ definitions file.

    For brokers that are set up by other means: rabbitmqctl import_definitions, load_definitions, or the
    management API's POST /api/definitions accept it. It holds no users. No broker is needed.
    It names the vhost, and of one that is there already an import then empties the description and the tags, and
    RabbitMQ 4.3 makes classic its default queue type. POST /api/definitions/VHOST leaves these as they are.

    \b
      proca-topo export --out definitions.json
      proca-topo export --org acme
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.cli.connection import vhost_of
    from proca_topo.render.definitions import definitions_json
    from proca_topo.spec.read import load_desired
    from proca_topo.spec.topology_file import read_topology

    if out is not None:
        check_place(out, directory, "the export")
    topology = read_topology(directory)
    check_named_orgs(orgs or (), topology)
    text = definitions_json(load_desired(topology, orgs=orgs or None), vhost_of(vhost, topology))
    if out is None:
        output.result(text)
    else:
        output.write_file(out, text)
        output.say(f"Wrote {out}")
