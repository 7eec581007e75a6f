"""Reading what exists, as far as a plan needs it."""

from dataclasses import replace

from proca_topo.broker.protocol import Broker
from proca_topo.plan.undesired import endangered, undesired
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing


def read_existing(
    broker: Broker, vhost: str, desired: Desired, *, with_prune: bool, already: Existing | None = None
) -> Existing:
    """The vhost, or the part of it that `desired` is about, as it is now.

    For a plan with prune the queues in danger are looked at more closely, consumers too; no others, since looking
    takes a request a queue. `already` is a reading made a moment ago.
    """
    existing = broker.read(vhost, desired.scope) if already is None else already
    if with_prune and desired.scope is not None and undesired(existing, desired):
        # Who may still send dead letters to a queue, or by a binding, can be anywhere in the vhost.
        existing = broker.read(vhost)
    if with_prune and (names := endangered(existing, desired)):
        return replace(existing, activity={**existing.activity, **broker.look(vhost, names)})
    return existing
