"""What `plan` and `apply` begin with: the spec and the broker, read at the same time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from proca_topo.apply.background import in_background
from proca_topo.broker.connect import open_broker
from proca_topo.broker.protocol import Broker, Lock
from proca_topo.cli import output
from proca_topo.cli.connection import broker_address, vhost_of
from proca_topo.errors import RefusedError, UsageError, VhostMissingError
from proca_topo.plan.changes import Replacing
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.broker.address import BrokerAddress
    from proca_topo.plan.changes import Plan
    from proca_topo.spec.topology_file import TopologyFile
    from proca_topo.topology.desired import Desired


class Absent(Enum):
    """What is done about a vhost that is not there."""

    REFUSED = auto()
    PLANNED = auto()
    """A plan is made as if it had just been made."""
    MADE = auto()


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the command line asks for.

    With a `lock_patience_seconds` the vhost is locked before it is read, after waiting for that so long at most.
    `planned_before` says that there is a plan of the same already: its vhost was there then, and its orgs need no
    check for a slip of the pen.
    `waits_for_draining` says that the plan is applied until what it retires is deleted.
    """

    directory: Path
    broker: str | None
    amqp: str | None
    vhost: str | None
    orgs: Sequence[str]
    with_prune: bool
    allow_deletes: int | None
    replacing: Replacing = Replacing.FINISHING
    absent: Absent = Absent.REFUSED
    lock_patience_seconds: float | None = None
    planned_before: bool = False
    waits_for_draining: bool = False


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan with all that it was made of, and the lock under which it was made."""

    plan: "Plan"
    existing: Existing
    desired: "Desired"
    broker: Broker
    lock: Lock | None
    with_prune: bool
    replacing: Replacing


@contextmanager
def planned(wanted: Wanted) -> Iterator[Planned]:
    """Read, plan, and keep the broker open and the vhost locked while the plan is used."""
    address = broker_address(wanted.broker, wanted.amqp)
    orgs = wanted.orgs
    with closing(open_broker(address)) as connection, ExitStack() as held:
        # What to read for single orgs is in the spec. A whole vhost is read meanwhile, and the spec's errors win.
        reading, name = _early_reading(connection, wanted)
        # Late, because these imports take longer than reading a small vhost.
        from proca_topo.plan.brakes import refusal
        from proca_topo.plan.planner import make_plan
        from proca_topo.spec.read import load_desired
        from proca_topo.spec.topology_file import read_topology

        topology = read_topology(wanted.directory)
        cluster = partial(_check_cluster, topology.document.cluster, address)
        if name != vhost_of(wanted.vhost, topology):
            reading, name = None, vhost_of(wanted.vhost, topology)
        lock = _locked(connection, name, wanted, held, cluster)
        if reading is None and not orgs:
            reading = in_background(partial(connection.read, name))
        desired = load_desired(topology, orgs=orgs or None)
        existing = _existing(connection, name, desired, reading, wanted=wanted, cluster=cluster)
        plan = make_plan(existing, desired, with_prune=wanted.with_prune, replacing=wanted.replacing)
        if plan.changes:
            from proca_topo.plan.impact.telling import with_impact

            plan = with_impact(plan, existing, desired)
        if not wanted.planned_before:
            _check_orgs(orgs, topology, plan)
        refused = refusal(
            plan,
            existing,
            desired,
            allow_deletes=wanted.allow_deletes,
            waits_for_draining=wanted.waits_for_draining,
        )
        yield Planned(
            plan=replace(plan, refused=refused),
            existing=existing,
            desired=desired,
            broker=connection,
            lock=lock,
            with_prune=wanted.with_prune,
            replacing=wanted.replacing,
        )


def _early_reading(connection: Broker, wanted: Wanted) -> tuple[Future[Existing] | None, str | None]:
    """A reading that is under way before the spec is read, and its vhost. None with a lock and for single orgs."""
    if wanted.orgs or wanted.lock_patience_seconds is not None:
        return None, None
    from proca_topo.spec.glance import vhost_at_a_glance

    vhost = wanted.vhost or vhost_at_a_glance(wanted.directory)
    if vhost is None:
        return None, None
    name = vhost_of(vhost, None)
    return in_background(partial(connection.read, name)), name


def _existing(
    connection: Broker,
    vhost: str,
    desired: "Desired",
    reading: Future[Existing] | None,
    *,
    wanted: Wanted,
    cluster: Callable[[str | None], None],
) -> Existing:
    """The vhost as far as a plan needs it; if it is not there, as it would be or as it has just been made."""
    from proca_topo.apply.survey import read_existing

    try:
        already = connection.read(vhost, desired.scope) if reading is None else reading.result()
    except VhostMissingError as missing:
        if wanted.absent is Absent.PLANNED:
            cluster(missing.cluster_name)
            return connection.new_vhost(vhost)  # in which nothing has to be looked at more closely
        _make_vhost(connection, vhost, missing, wanted, cluster)
        already = connection.read(vhost, desired.scope)
    cluster(already.broker.cluster_name)
    return read_existing(
        connection,
        vhost,
        desired,
        with_prune=wanted.with_prune,
        replacing=wanted.replacing,
        already=already,
    )


def _locked(
    connection: Broker, vhost: str, wanted: Wanted, held: ExitStack, cluster: Callable[[str | None], None]
) -> Lock | None:
    """The lock of the vhost, kept until `held` ends; None if none is wanted."""
    if wanted.lock_patience_seconds is None:
        return None
    from proca_topo.apply.locking import locked

    hold = partial(locked, connection, vhost, patience_seconds=wanted.lock_patience_seconds, say=output.say)
    try:
        return held.enter_context(hold())
    except VhostMissingError as missing:
        _make_vhost(connection, vhost, missing, wanted, cluster)
        return held.enter_context(hold())


def _make_vhost(
    connection: Broker,
    vhost: str,
    missing: VhostMissingError,
    wanted: Wanted,
    cluster: Callable[[str | None], None],
) -> None:
    cluster(missing.cluster_name)
    if wanted.planned_before:
        raise missing
    if wanted.absent is not Absent.MADE:
        raise VhostMissingError(
            f"{missing}; apply --create-vhost makes it, and plan --create-vhost shows what would be in it"
        ) from missing
    connection.create_vhost(vhost)
    output.say(f"Made the vhost {shown(vhost)}.")


def _check_cluster(wanted: str | None, address: "BrokerAddress", cluster_name: str | None) -> None:
    """A file is of no cluster, even if it says from which one it was exported: nothing runs on it."""
    from proca_topo.plan.brakes import wrong_cluster

    if address.file is None and (reason := wrong_cluster(wanted, cluster_name, address.location)) is not None:
        raise RefusedError(f"nothing was done: {reason}")


def _check_orgs(orgs: Sequence[str], topology: "TopologyFile", plan: "Plan") -> None:
    """An org without a file is one that was removed, if the broker still has anything of it; else a mistake."""
    for org in orgs:
        if topology.has_org_file(org):
            continue
        if not any(change.org in (org, None) for change in plan.changes):
            from proca_topo.spec.problems import nearest

            hint = nearest(org, topology.org_names())
            raise UsageError(f"there is no org {shown(org)}, and the broker has nothing of it{hint}")
        output.say(f"{shown(org)} has no file any more: what the broker has of it is no longer desired.")
