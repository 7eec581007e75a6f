"""What a node that is down has is not gone."""

from typing import Final

import pytest

from proca_topo.broker.management import ManagementBroker
from proca_topo.plan.planner import make_plan
from proca_topo.sandbox.installation import Installation
from proca_topo.topology.existing import Scope
from tests.broker.raw import Raw
from tests.brokers.cluster import as_broker, running_cluster, wait_for_members
from tests.plan.circuit_world import desired
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

VHOST: Final = "topology"
NO_BINDINGS: Final = "without-bindings"
SECONDS: Final = 60


def test_a_queue_of_a_node_that_is_down_is_there_and_not_counted_as_empty(installation: Installation) -> None:
    """RabbitMQ 4.x leaves it out of the listing that counts, and shows its bindings; 3.x does it the other way."""
    with running_cluster(installation) as nodes:
        victim, left = as_broker(nodes[0]), as_broker(nodes[1])
        with victim.http() as http:
            raw = Raw(http=http, vhost=VHOST)
            http.put(f"/api/vhosts/{VHOST}").raise_for_status()
            raw.put("exchanges", "e", type="topic", durable=True)
            http.put(f"/api/vhosts/{NO_BINDINGS}").raise_for_status()
            Raw(http=http, vhost=NO_BINDINGS).put("queues", "q", durable=True)
            for name, kind in (("classic", "classic"), ("quorum", "quorum")):
                raw.put("queues", name, durable=True, arguments={"x-queue-type": kind, "x-max-length": 9})
            for name in ("classic", "quorum"):
                raw.bind("e", name, "k")
        broker = ManagementBroker(left.address())
        # What one node was told, the others may learn a moment later.
        wait_until(lambda: len(broker.read(VHOST).bindings) == 2, "the other node knows all", seconds=SECONDS)
        before = broker.read(VHOST)
        nodes[0].kill()
        wait_for_members(nodes[1], len(nodes) - 1, seconds=SECONDS)
        after, unbound = broker.read(VHOST), broker.read(NO_BINDINGS)
        looked_at = broker.look(VHOST, list(before.queues))
        scoped = broker.read(VHOST, Scope(orgs=frozenset({"acme"}), queues=frozenset({"classic"})))
        broker.close()
    assert after.queues == before.queues
    plan = make_plan(
        after,
        desired(
            exchanges=tuple(before.exchanges.values()),
            queues=tuple(before.queues.values()),
            bindings=tuple(before.bindings),
            owns=("e", *before.queues),
        ),
    )
    assert [change for change in plan.changes if change.held_back is None] == []
    assert before.activity["classic"].counted
    for activity in (after.activity["classic"], unbound.activity["q"], looked_at["classic"]):
        assert not activity.counted
    assert scoped.queues["classic"] == before.queues["classic"]
    assert not scoped.activity["classic"].counted
    if left.version.startswith("3."):
        assert set(after.bindings) < set(before.bindings)
    else:
        assert after.bindings == before.bindings
