"""`proca-topo apply`."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from proca_topo.cli import options, output
from proca_topo.cli.connection import show_requests
from proca_topo.errors import OutputError, RefusedError

if TYPE_CHECKING:
    from proca_topo.apply.report import Report
    from proca_topo.plan.changes import Plan


def apply(
    *,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A plan that plan --out has saved.", show_default=False),
    ] = None,
    orgs: options.Orgs = None,
    prune: options.Prune = False,
    replace: options.Replace = False,
    disconnect_consumers: options.DisconnectConsumers = False,
    allow_deletes: options.AllowDeletes = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask, also at a terminal.")] = False,
    create_vhost: Annotated[bool, typer.Option("--create-vhost", help="Make the vhost if it is absent.")] = False,
    wait: options.Wait = "0s",
    lock_timeout: options.LockTimeout = "0s",
    no_lock: options.NoLock = False,
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
    One apply at a time: another one in the same vhost is refused, or waits with --lock-timeout.
    Ctrl-C stops it after the request under way and lists what was done; the same command again finishes.

    With FILE it makes the changes of that plan and no others, and does not ask: the plan has been looked at. The
    spec and the broker are read again. If the plan would now be another one, nothing is done, and what has changed
    since is listed (exit code 4); only counts of messages may differ. A saved plan is applied once: for what an
    apply leaves make a new one. --org and --prune are those of the plan.

    A plan that deletes suspiciously much is refused as a whole (exit code 4), and so is a cluster that the spec is
    not for. An org without a file that --org names is deleted on purpose, and not counted.

    What to do about what is held back, drains or failed is in docs/held-back.md. The format of --format json is
    docs/report.schema.json.

    \b
      proca-topo apply
      proca-topo apply --org acme
      proca-topo apply --prune --yes --wait 5m --lock-timeout 5m
      proca-topo plan --out plan.json && proca-topo apply plan.json
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.apply.locking import Guarded
    from proca_topo.apply.run import apply_anew, apply_plan
    from proca_topo.apply.waiting import wait_for_draining
    from proca_topo.cli.interruption import interruptible
    from proca_topo.cli.planning import Absent, Wanted
    from proca_topo.cli.progress import progress
    from proca_topo.cli.saved_plan import to_apply

    show_requests(verbose=verbose)
    patience = options.seconds(wait, "--wait")
    wanted = Wanted(
        directory=directory,
        broker=broker,
        amqp=amqp,
        vhost=vhost,
        orgs=orgs or (),
        with_prune=prune,
        allow_deletes=allow_deletes,
        replacing=options.replacing(replace=replace, disconnect=disconnect_consumers, locked=not no_lock),
        absent=Absent.MADE if create_vhost else Absent.REFUSED,
        waits_for_draining=bool(patience),
        lock_patience_seconds=None if no_lock else options.seconds(lock_timeout, "--lock-timeout"),
    )
    with to_apply(file, wanted) as (made, saved):
        _show(made.plan, result_format, asks=output.is_interactive() and not (yes or saved))
        with progress() as shown, interruptible(shown) as watch:
            guarded = watch if made.lock is None else Guarded(watch, made.lock)
            report = apply_plan(
                made.plan,
                made.existing,
                made.desired,
                made.broker,
                with_prune=made.with_prune,
                watch=guarded,
                replacing=made.replacing,
            )
            if patience:
                again = partial(
                    apply_anew,
                    made.desired,
                    made.broker,
                    made.plan.vhost,
                    with_prune=made.with_prune,
                    replacing=made.replacing,
                    only=made.plan,
                )
                report = wait_for_draining(
                    report, partial(again, watch=guarded), patience_seconds=patience, watch=guarded
                )
    _tell(report, result_format, verbose=verbose, new_plan=saved.command_for_a_new_plan if saved else None)
    if report.interrupted and watch.number is not None:
        raise typer.Exit(128 + watch.number)
    raise typer.Exit(report.exit_code(detailed=detailed_exitcode))


def _show(plan: "Plan", result_format: options.Format, *, asks: bool) -> None:
    """Show the plan, and ask whether to go on. Raises RefusedError if the answer is no, or the plan is refused."""
    from proca_topo.render.plan_text import plan_lines

    asks = asks and bool(plan.to_do) and plan.refused is None
    if result_format is options.Format.TEXT:
        try:
            # Why it is refused is said below, as of every refusal, and only there.
            output.results(plan_lines(replace(plan, refused=None)))
        except OutputError as error:
            raise OutputError(f"{error}; nothing was applied") from error
    elif asks:
        output.talk(plan_lines(plan))
    if plan.refused is not None:
        raise RefusedError(f"nothing was done: {plan.refused}")
    if asks and not _agreed():
        raise RefusedError("nothing was applied, since the answer was no")


def _agreed() -> bool:
    try:
        return output.confirmed("Apply these changes?")
    except KeyboardInterrupt:
        output.say("\nNothing was applied.")  # ends the question's line first
        raise


def _tell(report: "Report", result_format: options.Format, *, verbose: bool, new_plan: str | None) -> None:
    from proca_topo.render.lines import BLANK
    from proca_topo.render.report_text import outcome, report_lines

    try:
        match result_format:
            case options.Format.TEXT:
                if report.plan.changes:  # otherwise the plan has said it already
                    output.results([BLANK, *report_lines(report, verbose=verbose, new_plan=new_plan)])
            case options.Format.JSON:
                from proca_topo.render.report_json import report_json

                output.result(report_json(report, new_plan=new_plan))
    except OutputError as error:
        raise OutputError(f"{error}; the report's last line: {outcome(report, new_plan=new_plan)}") from error
