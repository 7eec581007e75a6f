"""`proca-topo test`."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proca_topo.cli import options, output
from proca_topo.cli.places import check_place
from proca_topo.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from proca_topo.spec.read import TopologyFile


def test(
    *,
    orgs: options.TestedOrgs = None,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Also write JUnit XML there.", show_default=False),
    ] = None,
    result_format: options.FormatOption = options.Format.TEXT,
    directory: options.Directory = Path(),
) -> None:
    """Check that messages reach the queues that they should.

    The promises are the route contracts, under routes in topology.yaml and in the files of orgs. They are checked
    against what the spec describes as a whole, without a broker. Each that is broken is shown: what was published,
    where it should go and where it goes, and the place of the contract. The exit code is then 1.

    The format of --format json is docs/test.schema.json; it holds every contract.

    \b
      proca-topo test
      proca-topo test --org acme
      proca-topo test --junit report.xml
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.contracts.checking import check
    from proca_topo.contracts.verdicts import all_kept
    from proca_topo.spec.read import load_desired, read_topology

    if junit is not None:
        check_place(junit, directory, "the report")
    topology = read_topology(directory)
    _check_orgs(orgs or (), topology)
    desired = load_desired(topology, with_routes=True)
    verdicts = check(desired, desired.routes_of(orgs or None))
    if junit is not None:
        from proca_topo.render.junit import junit_xml

        output.write_file(junit, junit_xml(verdicts))
    match result_format:
        case options.Format.TEXT:
            from proca_topo.render.contracts_text import verdict_lines

            output.results(verdict_lines(verdicts, where="by the spec alone"))
        case options.Format.JSON:
            from proca_topo.render.contracts_json import verdicts_json

            output.result(verdicts_json(verdicts))
    if not all_kept(verdicts):
        raise typer.Exit(ExitCode.FAILED)


def _check_orgs(orgs: Collection[str], topology: "TopologyFile") -> None:
    for org in orgs:
        if not topology.has_org_file(org):
            from proca_topo.spec.problems import nearest
            from proca_topo.topology.names import shown

            raise UsageError(f"there is no org {shown(org)}{nearest(org, topology.org_names())}")
