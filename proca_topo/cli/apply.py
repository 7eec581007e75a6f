"""`proca-topo apply`."""

from pathlib import Path
from typing import Annotated

import typer

from proca_topo.cli import options, output
from proca_topo.cli.connection import show_requests
from proca_topo.errors import RefusedError


def apply(
    *,
    orgs: options.Orgs = None,
    prune: options.Prune = False,
    allow_deletes: options.AllowDeletes = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also at a terminal.")] = False,
    create_vhost: Annotated[bool, typer.Option("--create-vhost", help="Make the vhost if it is absent.")] = False,
    result_format: options.FormatOption = options.Format.TEXT,
    detailed_exitcode: options.DetailedExitCode = False,
    directory: options.Directory = Path(),
    broker: options.BrokerOption = None,
    amqp: options.Amqp = None,
    vhost: options.Vhost = None,
    verbose: options.Verbose = False,
) -> None:
    """Make the broker what the spec says.

    At a terminal it shows the plan and asks first. Elsewhere it shows the plan and makes the changes that are
    safe; the others are held back and do not stop the rest. What was done is checked by reading the broker again.
    Ctrl-C stops it after the request under way and lists what was done; the same command again finishes.

    A plan that deletes suspiciously much is refused as a whole (exit code 4), and so is a cluster that the spec is
    not for. An org without a file that --org names is deleted on purpose, and not counted.

    \b
      proca-topo apply
      proca-topo apply --org acme
      proca-topo apply --prune --yes
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.apply.run import apply_plan
    from proca_topo.cli.interruption import interruptible
    from proca_topo.cli.planning import planned
    from proca_topo.cli.progress import progress
    from proca_topo.render.plan_text import plan_lines

    show_requests(verbose=verbose)
    with planned(
        directory=directory,
        broker=broker,
        amqp=amqp,
        vhost=vhost,
        orgs=orgs or (),
        with_prune=prune,
        allow_deletes=allow_deletes,
        create_vhost=create_vhost,
    ) as made:
        refused = made.plan.refused
        asks = output.is_interactive() and not yes and bool(made.plan.to_do) and refused is None
        if result_format is options.Format.TEXT:
            output.results(plan_lines(made.plan))
        elif asks:
            output.talk(plan_lines(made.plan))
        if refused is not None:
            raise RefusedError(f"nothing was done: {refused}")
        if asks and not output.confirmed("Apply these changes?"):
            raise RefusedError("nothing was applied, since the answer was no")
        with progress() as shown, interruptible(shown) as watch:
            report = apply_plan(made.plan, made.existing, made.desired, made.broker, with_prune=prune, watch=watch)
    match result_format:
        case options.Format.TEXT:
            from proca_topo.render.lines import BLANK
            from proca_topo.render.report_text import report_lines

            if made.plan.changes:  # otherwise the plan has said it already
                output.results([BLANK, *report_lines(report, verbose=verbose)])
        case options.Format.JSON:
            from proca_topo.render.report_json import report_json

            output.result(report_json(report))
    if report.interrupted and watch.number is not None:
        raise typer.Exit(128 + watch.number)
    raise typer.Exit(report.exit_code(detailed=detailed_exitcode))
