"""Plans in files: written by `plan --out`, read and checked by `apply FILE`."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NoReturn

from proca_topo.cli import output
from proca_topo.cli.commands import broker_options, command_line
from proca_topo.cli.connection import broker_address
from proca_topo.cli.places import check_place
from proca_topo.cli.planning import Absent, Planned, Wanted, planned
from proca_topo.errors import FileError, RefusedError, UsageError, VhostMissingError
from proca_topo.files import where_links_lead
from proca_topo.plan.changes import Action, Replacing
from proca_topo.plan.saved import SavedPlan, saved_plan
from proca_topo.plan.staleness import discrepancies, elsewhere
from proca_topo.topology.names import shown

_FLAGS: Final[Mapping[Replacing, Sequence[str]]] = {
    Replacing.FORBIDDEN: (),
    Replacing.FINISHING: (),
    Replacing.IDLE: ("--replace",),
    Replacing.DISCONNECTING: ("--replace", "--disconnect-consumers"),
}


def check_place_of_plan(file: Path, directory: Path) -> None:
    """Raise UsageError where a plan would overwrite what is no plan, or would be taken for a part of the spec."""
    from proca_topo.render.saved_plan import is_saved_plan

    check_place(file, directory, "the plan")
    target, name = where_links_lead(file), shown(str(file))
    try:
        is_there = target.is_file()
    except OSError as error:
        raise FileError(f"cannot write {name}: {error.strerror}") from error
    try:
        text = target.read_text(encoding="utf-8") if is_there else ""
    except (OSError, UnicodeDecodeError):
        text = "unreadable"
    # An empty file is what mktemp makes for it.
    if text and not is_saved_plan(text):
        raise UsageError(f"{name} exists and is no saved plan: remove it, or save the plan under another name")


def save_plan(made: Planned, file: Path) -> None:
    """Write a plan for a later `apply FILE`."""
    from proca_topo.render.saved_plan import saved_plan_json

    saved = saved_plan(
        made.plan, made.existing, made.desired, with_prune=made.with_prune, replacing=made.replacing
    )
    output.write_file(file, saved_plan_json(made.plan, saved))


@dataclass(frozen=True, kw_only=True)
class PlanFile:
    """A saved plan and where it came from, and what the command line says besides it."""

    file: Path
    plan: SavedPlan
    wanted: Wanted

    def refuse_elsewhere(
        self, *, location: str, cluster_name: str | None = None, vhost: str | None = None
    ) -> None:
        """Raise RefusedError if the plan is not for this broker and vhost, as far as they are known."""
        why = elsewhere(self.plan, location=location, cluster_name=cluster_name, vhost=vhost)
        if why is not None:
            raise RefusedError(f"{shown(str(self.file))} is not a plan for here, and nothing was applied: {why}")

    def refuse_without_vhost(self, missing: VhostMissingError) -> NoReturn:
        """Raise RefusedError, of the cluster if it is another one."""
        self.refuse_elsewhere(location=self.plan.broker.location, cluster_name=missing.cluster_name)
        raise RefusedError(
            f"{shown(str(self.file))} is not the plan any more, and nothing was applied: {missing}, and there was"
            " one when it was saved; apply --create-vhost without that file makes it anew"
        ) from missing

    def refuse_without_lock(self) -> None:
        """Raise RefusedError if the plan replaces anything."""
        for change in self.plan.changes:
            if change.action is Action.REPLACE and not change.held_back:
                raise RefusedError(
                    f"nothing was applied: {shown(str(self.file))} replaces {shown(change.noun.name)}, which moves"
                    " messages, and two that do that at a time could lose some: leave out --no-lock"
                )

    def refuse_stale(self, made: Planned) -> None:
        """Raise RefusedError, which names what differs, unless `made` is the same plan."""
        if found := discrepancies(self.plan, made.plan, made.existing, made.desired):
            from proca_topo.render.stale_text import stale_text

            planned = len(self.plan.changes)
            raise RefusedError(stale_text(str(self.file), planned, found, self.command_for_a_new_plan))

    @property
    def command_for_a_new_plan(self) -> str:
        """A saved plan is applied once. This makes another one in its place, in the same way."""
        orgs = [word for org in self.plan.orgs for word in ("--org", org)]
        prune = ["--prune"] if self.plan.with_prune else []
        there = broker_options(broker=self.wanted.broker, amqp=self.wanted.amqp, vhost=self.wanted.vhost)
        return command_line(
            "plan",
            *orgs,
            *prune,
            *_FLAGS[self.plan.replacing],
            *there,
            "--out",
            str(self.file),
            directory=self.wanted.directory,
        )


@contextmanager
def to_apply(file: Path | None, wanted: Wanted) -> Iterator[tuple[Planned, PlanFile | None]]:
    """The plan that is to be applied: the one in `file`, if one is given, otherwise a new one.

    Raises UsageError if the file holds no plan or contradicts the options, and RefusedError if it is not the plan
    any more.
    """
    if file is None:
        with planned(wanted) as made:
            yield made, None
        return
    plan = _read(file)
    _check_options(str(file), plan, wanted)
    saved = PlanFile(file=file, plan=plan, wanted=wanted)
    # Before that broker is asked anything.
    saved.refuse_elsewhere(location=broker_address(wanted.broker, wanted.amqp).location, vhost=wanted.vhost)
    if wanted.replacing is Replacing.FORBIDDEN:
        saved.refuse_without_lock()
    as_saved = replace(
        wanted, vhost=plan.vhost, orgs=plan.orgs, with_prune=plan.with_prune, planned_before=True,
        replacing=Replacing.FORBIDDEN if wanted.replacing is Replacing.FORBIDDEN else plan.replacing,
        allow_deletes=sys.maxsize if _is_accepted(plan, wanted) else wanted.allow_deletes,
    )  # fmt: skip
    with ExitStack() as held:
        try:
            made = held.enter_context(planned(as_saved))
        except VhostMissingError as missing:
            saved.refuse_without_vhost(missing)
        there = made.plan.broker
        saved.refuse_elsewhere(
            location=there.location,
            cluster_name=there.cluster_name,
            vhost=wanted.vhost or made.desired.vhost or "/",
        )
        saved.refuse_stale(made)
        yield made, saved


def _read(file: Path) -> SavedPlan:
    from proca_topo.render.saved_plan import saved_plan_from

    name = str(file)
    try:
        return saved_plan_from(file.read_text(encoding="utf-8"), name)
    except OSError as error:
        raise UsageError(f"cannot read the plan {shown(name)}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(name)} is no plan that plan --out has written: it is not UTF-8") from error


def _is_accepted(plan: SavedPlan, wanted: Wanted) -> bool:
    """Whether a plan may delete as much as it did when it was made. It counted nothing that it only retires."""
    retires = any(change.action is Action.RETIRE and not change.held_back for change in plan.changes)
    counts_more = wanted.waits_for_draining and retires
    return plan.refused is None and wanted.allow_deletes is None and not counts_more


def _check_options(name: str, plan: SavedPlan, wanted: Wanted) -> None:
    """Raise UsageError if the command line asks for something else than the plan was made with."""
    if wanted.orgs and set(wanted.orgs) != set(plan.orgs):
        only = f"only for {', '.join(map(shown, plan.orgs))}" if plan.orgs else "for the whole vhost"
        raise UsageError(f"{shown(name)} is a plan {only}: leave out --org, or make another plan with it")
    if wanted.with_prune and not plan.with_prune:
        raise UsageError(f"{shown(name)} is a plan without --prune: leave that out, or make another plan with it")
    if wanted.replacing not in (Replacing.FORBIDDEN, Replacing.FINISHING, plan.replacing):
        raise UsageError(
            f"{shown(name)} is a plan with other replacements: leave out --replace and --disconnect-consumers, or"
            " make another plan with them"
        )
    if wanted.absent is not Absent.REFUSED:
        raise UsageError(f"{shown(name)} is a plan for a vhost that is there: leave out --create-vhost")
