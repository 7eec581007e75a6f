"""Route contracts checked against the topology that the spec describes."""

from collections.abc import Iterable

from proca_topo.contracts.resting import Journeys
from proca_topo.contracts.verdicts import Verdict
from proca_topo.topology.desired import Desired
from proca_topo.topology.route_contracts import RouteContract


def check(desired: Desired, contracts: Iterable[RouteContract]) -> tuple[Verdict, ...]:
    """What becomes of each of these contracts in the whole of this topology."""
    journeys = Journeys(desired, desired.waiting)
    return tuple(
        Verdict(contract=contract, outcome=journeys.outcome(contract.exchange, contract.message, contract.after))
        for contract in contracts
    )
