"""Route contracts tried on a broker: the topology is applied in a vhost of its own, and messages are published."""

import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from proca_topo.apply.report import Status
from proca_topo.apply.run import apply_anew
from proca_topo.apply.watch import Watcher
from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.connect import open_broker
from proca_topo.broker.trial.probes import Probe, Round
from proca_topo.broker.trial.scratch import ScratchVhost
from proca_topo.contracts.resting import Journeys
from proca_topo.contracts.trial import for_trial
from proca_topo.contracts.verdicts import Outcome, Verdict
from proca_topo.errors import BrokerError
from proca_topo.plan.changes import Replacing
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import STREAM, kind_of
from proca_topo.topology.route_contracts import After, RouteContract

_FAILURES_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of each contract, and on which broker."""

    verdicts: tuple[Verdict, ...]
    broker: BrokerIdentity


def try_on(
    scratch: ScratchVhost, address: BrokerAddress, desired: Desired, orgs: Collection[str] | None, watch: Watcher
) -> Tried:
    """Try the contracts of what is shared and of these orgs (None: of all) in a vhost that is there and empty.

    Nothing else of the broker is touched. Raises BrokerError, also if it does not take the topology.
    """
    trial = for_trial(desired, orgs)
    broker = _apply(scratch, address, trial, watch)
    contracts = desired.routes_of(orgs)
    run = secrets.token_hex(4)
    probes = {f"{run}-{index}": contract for index, contract in enumerate(contracts)}
    arrived: dict[str, set[str]] = defaultdict(set)
    with scratch.probing() as probing:
        for title, order in _rounds(trial, probes):
            watch.stage(title, len(order.probes))
            for arrival in probing.run(order, watch.advance):
                arrived[arrival.probe].add(arrival.queue)
    return Tried(
        verdicts=tuple(
            Verdict(contract=contract, outcome=Outcome(queues=frozenset(arrived[identity])))
            for identity, contract in probes.items()
        ),
        broker=broker,
    )


def _apply(scratch: ScratchVhost, address: BrokerAddress, trial: Desired, watch: Watcher) -> BrokerIdentity:
    with closing(open_broker(address)) as broker:
        report = apply_anew(
            trial, broker, scratch.name, with_prune=False, watch=watch, replacing=Replacing.FORBIDDEN
        )
    failed = [result for result in report.results if result.status is Status.FAILED]
    if failed:
        told = "; ".join(
            f"{kind_of(one.change.noun)} {shown(one.change.noun.name)}: {one.reason}"
            for one in failed[:_FAILURES_SHOWN]
        )
        more = len(failed) - _FAILURES_SHOWN
        raise BrokerError(
            f"the spec cannot be applied there, so nothing was tested: {told}"
            + (f"; and {more:,} more" if more > 0 else "")
        )
    if report.after is None or report.after.to_do:
        reason = report.stopped or report.unread or "it does not stay as it was declared"
        raise BrokerError(f"the spec cannot be applied there, so nothing was tested: {reason}")
    return report.after.broker


def _rounds(trial: Desired, probes: Mapping[str, RouteContract]) -> Iterator[tuple[str, Round]]:
    """One round for all contracts of a kind, since each kind needs other queues to be consumed from.

    | contracts       | consumed from                        | left alone                      |
    |-----------------|--------------------------------------|---------------------------------|
    | at once         | all queues                           | none                            |
    | after rejected  | all others, each probe rejected once | queues that only wait           |
    | after expired   | all others                           | queues in which messages expire |
    """
    journeys = Journeys(trial, trial.waiting)
    ways_out = {name: way for name in sorted(trial.queues) if (way := journeys.ways_out.of(name)) is not None}
    left_alone: Mapping[After | None, Sequence[str]] = {
        None: (),
        After.REJECTED: [name for name, way in ways_out.items() if way.only_waits],
        After.EXPIRED: [name for name, way in ways_out.items() if True in way.expires],
    }
    titles = {None: "publishing", After.REJECTED: "publishing, to reject", After.EXPIRED: "publishing, to expire"}
    streams = frozenset(name for name, queue in trial.queues.items() if queue.type == STREAM)
    for after, title in titles.items():
        of_kind = {identity: one for identity, one in probes.items() if one.after is after}
        if of_kind:
            alone = frozenset(left_alone[after])
            yield (
                title,
                Round(
                    probes={
                        identity: Probe(exchange=one.exchange, message=one.message)
                        for identity, one in of_kind.items()
                    },
                    consumed=[name for name in trial.queues if name not in alone],
                    streams=streams,
                    left_alone=left_alone[after],
                    rejects=after is After.REJECTED,
                ),
            )
