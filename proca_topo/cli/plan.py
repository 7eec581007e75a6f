"""`proca-topo plan`."""

from pathlib import Path
from typing import Annotated

import typer

from proca_topo.cli import options, output
from proca_topo.cli.connection import show_requests
from proca_topo.errors import ExitCode, UsageError
from proca_topo.topology.names import shown


def plan(
    *,
    orgs: options.Orgs = None,
    prune: options.Prune = False,
    replace: options.Replace = False,
    disconnect_consumers: options.DisconnectConsumers = False,
    allow_deletes: options.AllowDeletes = None,
    plan_format: Annotated[
        options.PlanFormat, typer.Option("--format", help="How to write the plan.")
    ] = options.PlanFormat.TEXT,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Also save it, for apply FILE.", show_default=False),
    ] = None,
    create_vhost: Annotated[
        bool, typer.Option("--create-vhost", help="Plan also for a vhost that is absent.")
    ] = False,
    detailed_exitcode: options.DetailedExitCode = False,
    directory: options.Directory = Path(),
    broker: options.BrokerOption = None,
    amqp: options.Amqp = None,
    vhost: options.Vhost = None,
    verbose: options.Verbose = False,
) -> None:
    """Show what apply would change, and change nothing.

    Everything that differs is shown, with what it can cost and what it does to messages: which keys reach a queue
    they did not, and which reach nothing any more. What apply would leave is marked as held back, with the reason
    and what would let it through. A plan that apply would refuse altogether says so in the end.

    With --out the plan is also saved, for an apply that makes these changes and no others. It takes the place of
    an older plan, but of no other file. It holds no passwords; its format is docs/saved-plan.schema.json, that of
    --format json docs/plan.schema.json.

    \b
      proca-topo plan
      proca-topo plan --org acme --prune
      proca-topo plan --format markdown --detailed-exitcode > comment.md
      proca-topo plan --out plan.json && proca-topo apply plan.json
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.cli.planning import Absent, Wanted, planned

    show_requests(verbose=verbose)
    wanted = Wanted(
        directory=directory,
        broker=broker,
        amqp=amqp,
        vhost=vhost,
        orgs=orgs or (),
        with_prune=prune,
        allow_deletes=allow_deletes,
        replacing=options.replacing(replace=replace, disconnect=disconnect_consumers),
        absent=Absent.PLANNED if create_vhost else Absent.REFUSED,
    )
    if out is not None:
        if create_vhost:
            raise UsageError("apply FILE makes no vhost: leave out --create-vhost or --out")
        from proca_topo.cli.saved_plan import check_place_of_plan

        check_place_of_plan(out, directory)
    with planned(wanted) as made:
        found = made.plan
        if out is not None:
            from proca_topo.cli.saved_plan import save_plan

            save_plan(made, out)
    match plan_format:
        case options.PlanFormat.TEXT:
            from proca_topo.render.plan_text import plan_lines

            output.results(plan_lines(found))
        case options.PlanFormat.JSON:
            from proca_topo.render.plan_json import plan_json

            output.result(plan_json(found))
        case options.PlanFormat.MARKDOWN:
            from proca_topo.render.plan_markdown import plan_markdown

            output.result(plan_markdown(found))
    if out is not None:
        from proca_topo.cli.commands import broker_options, command_line

        there = broker_options(broker=broker, amqp=amqp, vhost=vhost)
        name = shown(str(out))
        command = command_line("apply", str(out), *there, directory=directory)
        if found.refused is None:
            output.say(f"Saved to {name}; apply it with: {command}")
        else:
            output.say(f"Saved to {name}, which apply refuses as it is; see above. Then: {command}")
    raise typer.Exit(ExitCode.PENDING if detailed_exitcode and found.changes else ExitCode.DONE)
