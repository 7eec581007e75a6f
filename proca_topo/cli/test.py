"""`proca-topo test`."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from proca_topo.cli import options, output
from proca_topo.cli.connection import broker_address, show_requests
from proca_topo.cli.named_orgs import check_named_orgs
from proca_topo.cli.places import check_place
from proca_topo.errors import ExitCode, UsageError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.apply.trying import Tried
    from proca_topo.broker.address import BrokerAddress
    from proca_topo.topology.desired import Desired

_CLEANING: Final = "Still removing the vhost of the test."


def test(
    *,
    orgs: options.TestedOrgs = None,
    live: Annotated[
        bool,
        typer.Option("--live", help="Try it on a broker, in a vhost of its own."),
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Also write JUnit XML there.", show_default=False),
    ] = None,
    result_format: options.FormatOption = options.Format.TEXT,
    directory: options.Directory = Path(),
    broker: options.LiveBrokerOption = None,
    amqp: options.Amqp = None,
    verbose: options.Verbose = False,
) -> None:
    """Check that messages reach the queues that they should.

    The promises are the route contracts, under routes in topology.yaml and in the files of orgs. They are checked
    against what the spec describes as a whole, without a broker. Each that is broken is shown: what was published,
    where it should go and where it goes, and the place of the contract. The exit code is then 1.

    With --live a broker decides. The spec is applied in a new vhost, with delays of 200 ms at most; a message is
    published for each contract, rejected where that says so, and looked for in all queues. The vhost is removed in
    any case, and no other one is touched. With --org only this org is applied, and what all share.

    The format of --format json is docs/test.schema.json; it holds every contract.

    \b
      proca-topo test
      proca-topo test --org acme
      proca-topo test --live --junit report.xml
      proca-topo test --live --broker https://rabbit.example.org:15671
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.contracts.checking import check
    from proca_topo.contracts.verdicts import all_kept
    from proca_topo.spec.read import load_desired
    from proca_topo.spec.topology_file import read_topology

    show_requests(verbose=verbose)
    if junit is not None:
        check_place(junit, directory, "the report")
    topology = read_topology(directory)
    check_named_orgs(orgs or (), topology)
    desired = load_desired(topology, with_routes=True)
    if live and desired.routes_of(orgs or None):
        tried = _tried(desired, orgs or None, broker, amqp)
        verdicts, asked = tried.verdicts, tried.broker
    else:
        verdicts, asked = check(desired, desired.routes_of(orgs or None)), None
    if junit is not None:
        from proca_topo.render.junit import junit_xml

        output.write_file(junit, junit_xml(verdicts))
    match result_format:
        case options.Format.TEXT:
            from proca_topo.render.contracts_text import verdict_lines

            output.results(verdict_lines(verdicts, asked))
        case options.Format.JSON:
            from proca_topo.render.contracts_json import verdicts_json

            output.result(verdicts_json(verdicts, asked))
    if not all_kept(verdicts):
        raise typer.Exit(ExitCode.FAILED)


def _tried(desired: "Desired", orgs: Collection[str] | None, broker: str | None, amqp: str | None) -> "Tried":
    """The contracts tried on the broker that is named, otherwise in a sandbox."""
    from proca_topo.apply.trying import try_on
    from proca_topo.broker.trial.scratch import ScratchVhost, removed_if_killed
    from proca_topo.cli.app import Stopped
    from proca_topo.cli.interruption import Checked, ended_by_signals
    from proca_topo.cli.progress import progress

    with (
        ended_by_signals(Stopped, _CLEANING) as ending,
        _address(broker, amqp, desired) as address,
        ExitStack() as at_the_end,
    ):
        scratch = ScratchVhost(address)

        def remove() -> None:
            ending.cleaning = True
            scratch.remove()

        if broker is not None:  # a sandbox goes with all that is in it
            at_the_end.enter_context(removed_if_killed(scratch))
            at_the_end.callback(remove)
        output.say(f"Testing in the vhost {scratch.name} on {address.location}, with delays of 200 ms at most.")
        scratch.create()
        with progress() as shown:
            return try_on(scratch, address, desired, orgs, Checked(shown, ending))


@contextmanager
def _address(broker: str | None, amqp: str | None, desired: "Desired") -> "Iterator[BrokerAddress]":
    if broker is None:
        from proca_topo.broker.address import address
        from proca_topo.sandbox.node import PASSWORD, USERNAME
        from proca_topo.sandbox.session import announced_node

        with announced_node(exchange_types=(one.type for one in desired.exchanges.values())) as node:
            yield address(node.management_url, amqp=node.amqp_url, username=USERNAME, password=PASSWORD)
        return
    named = broker_address(broker, amqp)
    if named.file is not None:
        raise UsageError(
            f"--live needs a broker, and {shown(broker)} is a definitions file: name the URL of a management API,"
            " or none for a sandbox"
        )
    yield named
