"""What `plan` and `apply` begin with: the spec and the broker, read at the same time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from proca_topo.apply.survey import read_existing
from proca_topo.broker.connect import open_broker
from proca_topo.broker.protocol import Broker
from proca_topo.cli import output
from proca_topo.cli.connection import broker_address, vhost_of
from proca_topo.errors import RefusedError, UsageError, VhostMissingError
from proca_topo.plan.brakes import refusal, wrong_cluster
from proca_topo.plan.changes import Plan
from proca_topo.plan.planner import make_plan
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.broker.address import BrokerAddress
    from proca_topo.spec.read import TopologyFile


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A plan with all that it was made of."""

    plan: Plan
    existing: Existing
    desired: Desired
    broker: Broker


@contextmanager
def planned(
    *,
    directory: Path,
    broker: str | None,
    amqp: str | None,
    vhost: str | None,
    orgs: Sequence[str],
    with_prune: bool,
    allow_deletes: int | None,
    create_vhost: bool = False,
) -> Iterator[Planned]:
    """Read, plan, and keep the broker open while the plan is used."""
    address = broker_address(broker, amqp)
    with closing(open_broker(address)) as connection:
        # What to read for single orgs is in the spec. A whole vhost is read meanwhile, and the spec's errors win.
        reading = _in_background(connection, vhost) if vhost and not orgs else None
        # Late, because this import takes longer than reading a small vhost.
        from proca_topo.spec.read import load_desired, read_topology

        topology = read_topology(directory)
        name = vhost_of(vhost, topology)
        if reading is None and not orgs:
            reading = _in_background(connection, name)
        desired = load_desired(topology, orgs=orgs or None)
        try:
            already = connection.read(name, desired.scope) if reading is None else reading.result()
        except VhostMissingError as missing:
            _check_cluster(desired, address, missing.cluster_name)
            if not create_vhost:
                raise VhostMissingError(f"{missing}; apply --create-vhost makes it") from missing
            connection.create_vhost(name)
            output.say(f"Made the vhost {shown(name)}.")
            already = connection.read(name, desired.scope)
        _check_cluster(desired, address, already.broker.cluster_name)
        existing = read_existing(connection, name, desired, with_prune=with_prune, already=already)
        plan = make_plan(existing, desired, with_prune=with_prune)
        _check_orgs(orgs, topology, plan)
        plan = replace(plan, refused=refusal(plan, existing, desired, allow_deletes=allow_deletes))
        yield Planned(plan=plan, existing=existing, desired=desired, broker=connection)


def _in_background(connection: Broker, vhost: str) -> Future[Existing]:
    """Start reading the vhost. A daemon thread: an error in the spec does not wait for a slow broker."""
    future: Future[Existing] = Future()

    def read() -> None:
        try:
            future.set_result(connection.read(vhost))
        except Exception as error:  # noqa: BLE001 - it is raised where the result is asked for
            future.set_exception(error)

    Thread(target=read, name="read-vhost", daemon=True).start()
    return future


def _check_cluster(desired: Desired, address: "BrokerAddress", cluster_name: str | None) -> None:
    """A file is of no cluster, even if it says from which one it was exported: nothing runs on it."""
    if address.file is None and (reason := wrong_cluster(desired, cluster_name, address.location)) is not None:
        raise RefusedError(f"nothing was done: {reason}")


def _check_orgs(orgs: Sequence[str], topology: "TopologyFile", plan: Plan) -> None:
    """An org without a file is one that was removed, if the broker still has anything of it; else a mistake."""
    for org in orgs:
        if topology.has_org_file(org):
            continue
        if not any(change.org in (org, None) for change in plan.changes):
            from proca_topo.spec.problems import nearest

            hint = nearest(org, topology.org_names())
            raise UsageError(f"there is no org {shown(org)}, and the broker has nothing of it{hint}")
        output.say(f"{shown(org)} has no file any more: what the broker has of it is no longer desired.")
