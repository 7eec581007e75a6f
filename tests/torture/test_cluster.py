"""A node of a cluster is killed while queues are replaced: no confirmed message is lost.

Not marked `broker`: a cluster takes its time, and the matrix does without it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.sandbox.installation import Installation
from tests.brokers.cluster import as_broker, running_cluster
from tests.torture.cluster import KillMember, Meeting
from tests.torture.field import Round
from tests.torture.lanes import Lane, play_lanes
from tests.torture.outages import Outages
from tests.torture.tally import Kind, Tally
from tests.torture.world import CLASSIC, QUORUM, Variant

SEED: Final = 1


@dataclass(frozen=True, kw_only=True)
class Replacement:
    """One lane: what becomes of its queue, where its command is when the node dies, and on which node that is."""

    was: Variant
    becomes: Variant
    at: Step
    on_victim: bool
    needs_victim: bool = False
    after_command: bool = False


LANES: Final = (
    Replacement(was=QUORUM[0], becomes=QUORUM[1], at=Step.PARK, on_victim=True),
    Replacement(was=QUORUM[0], becomes=QUORUM[2], at=Step.MARK_OLD_GONE, on_victim=False),
    # The new queue, and then the holding queues, are classic ones on the node that dies.
    Replacement(was=QUORUM[0], becomes=CLASSIC[0], at=Step.RETURN_ARRIVED, on_victim=True, needs_victim=True),
    Replacement(
        was=CLASSIC[0],
        becomes=QUORUM[0],
        at=Step.RETURN_PARKED,
        on_victim=True,
        needs_victim=True,
        after_command=True,
    ),
    Replacement(was=CLASSIC[0], becomes=QUORUM[1], at=Step.BIND_NEW, on_victim=False),
)


@pytest.mark.timeout(3600)  # as in test_replacing.py
def test_a_node_is_killed(installation: Installation, tmp_path: Path, tally: Tally) -> None:
    """What was confirmed comes out again, also where the node has died that the command was connected to.

    What is on that node, as a classic queue is, cannot be reached meanwhile; it is not taken for gone.
    """
    with running_cluster(installation) as nodes:
        victim, left, another = map(as_broker, nodes)
        meeting = Meeting(nodes[0], len(LANES))
        lanes = [
            Lane(
                broker=left,
                outages=Outages(),
                start=one.was,
                rounds=[
                    Round(
                        variant=one.becomes,
                        attack=KillMember(
                            one.at.name,
                            meeting,
                            connected_to=victim if one.on_victim else left,
                            left=left,
                            needs_it=one.needs_victim,
                            after_command=one.after_command,
                        ),
                        manners=None,
                        may_return=True,
                    )
                ],
                others=[another, victim],
            )
            for one in LANES
        ]
        play_lanes(lanes, tmp_path, seed=SEED, tally=tally)
    assert tally.kinds[Kind.MEMBER] == len(LANES)
