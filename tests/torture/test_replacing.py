"""A queue is replaced under live traffic and everything goes wrong: no confirmed message is lost.

Each test plays in several vhosts side by side, and counts what went wrong: it shall not become less unnoticed.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.replacing.steps import Step
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.torture import proxy
from tests.torture.attacks import BOUNDARIES, BadNetwork, BeThere, KillAfter, KillAtStep, KillBroker
from tests.torture.consumers import BAD, GOOD, Manners
from tests.torture.field import Attack, Round
from tests.torture.lanes import Lane, play_lanes
from tests.torture.outages import Outages
from tests.torture.proxy import Fault
from tests.torture.tally import Kind, Tally
from tests.torture.world import CLASSIC, QUORUM, Variant

# Minutes on a machine that others use too, where four lanes replace queues on one broker.
pytestmark = [pytest.mark.broker, pytest.mark.timeout(3600)]

SEED: Final = 1
# What the queue is in turn. Quorum queues become others, and classic ones, and come back.
CHANGES: Final[Sequence[Sequence[Variant]]] = (
    CLASSIC,
    QUORUM,
    (CLASSIC[0], QUORUM[0], CLASSIC[2], QUORUM[2]),
    (QUORUM[2], QUORUM[1], CLASSIC[1]),
)
# The steps in which messages are moved.
MOVING: Final = (Step.PARK.name, Step.RETURN_PARKED.name, Step.RETURN_ARRIVED.name)
# The boundaries just after messages have left one queue, so that they are in another one alone, which is new.
ALONE: Final = (Step.PARK.name, Step.MARK_OLD_GONE.name, Step.BIND_NEW.name, Step.CLOSE_WAY_BACK.name)


def rounds(
    variants: Sequence[Variant], attacks: Sequence[Attack], manners: Sequence[Manners | None], waiting: int = 150
) -> Iterator[Round]:
    """A round for each attack, with the consumers in turn."""
    following = itertools.cycle([*variants[1:], variants[0]])
    for variant, attack, one in zip(following, attacks, itertools.cycle(manners), strict=False):
        yield Round(variant=variant, attack=attack, manners=one, waiting=waiting)


def play(
    broker: TestBroker, attacks: Sequence[Attack], manners: Sequence[Manners | None], folder: Path, tally: Tally
) -> None:
    """All attacks, dealt out to a lane for each of the CHANGES, with other queues replaced along or without."""
    lanes = [
        Lane(
            broker=broker,
            outages=Outages(),
            start=variants[0],
            rounds=rounds(variants, attacks[number :: len(CHANGES)], manners),
            siblings=number,
        )
        for number, variants in enumerate(CHANGES)
    ]
    play_lanes(lanes, folder, seed=SEED, tally=tally)


def test_killed_at_every_step(broker_urls: TestBroker, tmp_path: Path, tally: Tally) -> None:
    """The command is killed at each boundary between two steps; the next one finishes it.

    In turn with consumers that reject and die, and without any: what was waiting then keeps its order.
    """
    play(broker_urls, [KillAtStep(step) for step in BOUNDARIES], [BAD, None], tmp_path, tally)
    assert tally.interrupted == tally.kinds[Kind.AT_STEP] == len(BOUNDARIES) == 17


def test_killed_in_a_step(broker_urls: TestBroker, tmp_path: Path, tally: Tally) -> None:
    """The command is killed while it moves messages, or at whatever it does at that moment."""
    randomly = random.Random(SEED)
    attacks = [KillAfter(step, randomly.uniform(0, 0.1)) for step in MOVING * 3]
    play(broker_urls, attacks, [None], tmp_path, tally)
    assert tally.interrupted == tally.kinds[Kind.IN_STEP] == 9


def test_a_bad_network(broker_urls: TestBroker, tmp_path: Path, tally: Tally) -> None:
    """The command's AMQP connections are cut, reset or held at some byte of all that goes over them."""
    faults = [
        Fault(kind=kind, after_bytes=after_bytes, seconds=2)
        for after_bytes in (2000, 8000, 20_000)
        for kind in proxy.Kind
    ]
    play(broker_urls, [BadNetwork(fault) for fault in faults], [None], tmp_path, tally)
    assert tally.kinds == {Kind.CUT: 3, Kind.RESET: 3, Kind.STALL: 3}
    assert tally.interrupted == 6


def test_the_broker_is_killed(node_factory: NodeFactory, tmp_path: Path, tally: Tally) -> None:
    """The broker is killed at once where a new quorum queue is the only one with a message, and comes back.

    Other replacements wait in the same place. None has a quorum queue then that was declared at that very moment:
    up to 4.0 RabbitMQ makes such a one anew without a leader, and it never takes a message. Nothing is rejected
    meanwhile: RabbitMQ dead-letters without waiting for a confirm.
    """
    node = node_factory()
    outages = Outages(node)
    being_there = [BeThere(step, outage) for outage, step in enumerate(ALONE, 1)]
    playing = ((QUORUM, [None, GOOD]), (CLASSIC, [GOOD, None]), (CHANGES[2], [None, GOOD]))
    killing = [KillBroker(step, others=len(playing) - 1) for step in ALONE]
    lanes = [
        Lane(
            broker=as_broker(node),
            outages=outages,
            start=variants[0],
            rounds=rounds(variants, killing if variants is QUORUM else being_there, manners),
        )
        for variants, manners in playing
    ]
    play_lanes(lanes, tmp_path, seed=SEED, tally=tally)
    assert outages.count == len(ALONE)
    assert tally.interrupted == tally.kinds[Kind.BROKER] == len(ALONE) * len(lanes)
