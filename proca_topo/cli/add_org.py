"""`proca-topo add-org`."""

from pathlib import Path
from typing import Annotated

import typer

from proca_topo.cli import options, output


def add_org(
    *,
    org: Annotated[str, typer.Argument(metavar="ORG", help="The org's name.", show_default=False)],
    switched_on: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="OPTION", help="Switch an option on.", show_default=False),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set an option or a variable.", show_default=False),
    ] = None,
    directory: options.Directory = Path(),
) -> None:
    """Write the file of a new org. Nothing happens on the broker before the next apply.

    Which options and variables there are is in topology.yaml, under org. Both --with and --set may be repeated.

    \b
      proca-topo add-org newcomer --with crm --with sqs
      proca-topo add-org newcomer --set id=42
      proca-topo apply --org newcomer
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.cli.commands import command_line
    from proca_topo.render.orgs import added_text
    from proca_topo.spec.org_file import new_org_file
    from proca_topo.spec.read import load_desired
    from proca_topo.spec.topology_file import read_topology

    topology = read_topology(directory)
    file = new_org_file(topology, org, switched_on=switched_on or (), settings=settings or ())
    file.write()
    desired = load_desired(topology, orgs=[org])
    output.result(
        added_text(org, str(file.path), desired, command_line("apply", "--org", org, directory=directory))
    )
