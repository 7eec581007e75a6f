"""`proca-topo remove-org`."""

from pathlib import Path
from typing import Annotated

import typer

from proca_topo.cli import options, output
from proca_topo.errors import SpecError


def remove_org(
    *,
    org: Annotated[str, typer.Argument(metavar="ORG", help="The org's name.", show_default=False)],
    directory: options.Directory = Path(),
) -> None:
    """Delete an org's file. Nothing happens on the broker before an apply with --prune.

    Queues that still hold messages, or may get some back, are not deleted then: they are retired, and a later
    apply deletes them.

    \b
      proca-topo remove-org acme
      proca-topo plan --org acme --prune
      proca-topo apply --org acme --prune
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.cli.commands import command_line
    from proca_topo.render.orgs import removed_text
    from proca_topo.spec.org_file import remove_org_file
    from proca_topo.spec.read import load_desired
    from proca_topo.spec.topology_file import read_topology

    topology = read_topology(directory)
    try:
        before = load_desired(topology, orgs=[org])
    except SpecError:
        before = None  # a file that says nothing goes as well as any other
    path = remove_org_file(topology, org)
    # Without its file an org's variables are not known, and its names then cannot be told one by one.
    only = () if topology.variables_in_use else ("--org", org)
    next_command = command_line("plan", *only, "--prune", directory=directory)
    output.result(removed_text(org, str(path), before, next_command))
