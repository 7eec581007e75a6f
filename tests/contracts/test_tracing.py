"""A trace ends where the contracts' test, which brokers have confirmed, says that messages come to rest."""

import pytest
from hypothesis import given, settings

from proca_topo.contracts.resting import Journeys
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import CLASSIC
from proca_topo.topology.route_contracts import After
from proca_topo.topology.routing.tracing import Tracer
from proca_topo.topology.routing.visits import Fate
from tests.apply.test_trying import topologies


@pytest.mark.parametrize(
    ("fate", "after"), [(None, None), (Fate.REJECTED, After.REJECTED), (Fate.EXPIRED, After.EXPIRED)]
)
@given(desired=topologies())
@settings(max_examples=150, deadline=None)
def test_a_trace_ends_where_messages_come_to_rest(
    desired: Desired, fate: Fate | None, after: After | None
) -> None:
    tracer = Tracer(desired, waiting=desired.waiting, default_queue_type=CLASSIC)
    journeys = Journeys(desired, desired.waiting)
    for contract in desired.routes:
        outcome = journeys.outcome(contract.exchange, contract.message, after)
        if not outcome.doubts:
            assert tracer.trace(contract.exchange, contract.message, fate).ends == outcome.queues
