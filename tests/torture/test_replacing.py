"""A queue is replaced under live traffic and everything goes wrong: no confirmed message is lost."""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.replacing.steps import Step
from proca_topo.sandbox.node import Node
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.torture.attacks import BadNetwork, KillAfter, KillAtStep, KillBroker, Nothing
from tests.torture.consumers import BAD, GOOD
from tests.torture.field import Field, Tally, battlefield, play
from tests.torture.proxy import Fault, Kind
from tests.torture.world import CLASSIC, QUORUM, Variant

pytestmark = pytest.mark.broker

SEED: Final = 1
# Quorum queues become others, and classic ones, and come back.
CHANGES: Final = {"classic": CLASSIC, "quorum": (QUORUM[0], QUORUM[1], CLASSIC[2], QUORUM[2])}
# The steps in which messages are moved.
MOVING: Final = (Step.PARK.name, Step.RETURN_PARKED.name, Step.RETURN_ARRIVED.name)
# The boundaries just after messages have left one queue, so that they are in another one alone, which is new.
ALONE: Final = (Step.PARK.name, Step.MARK_OLD_GONE.name, Step.BIND_NEW.name, Step.CLOSE_WAY_BACK.name)


@pytest.fixture(params=CHANGES)
def variants(request: pytest.FixtureRequest) -> Sequence[Variant]:
    """What the queue is in turn."""
    return CHANGES[request.param]


@pytest.fixture
def field(
    broker_urls: TestBroker, vhost: str, tmp_path: Path, tally: Tally, variants: Sequence[Variant]
) -> Iterator[Field]:
    with battlefield(broker_urls, vhost, tmp_path, seed=SEED, tally=tally) as made:
        made.prepare(variants[0])
        yield made
        made.check_plan_is_empty()


def steps_of_a_replacement(field: Field, variant: Variant) -> tuple[str, ...]:
    """The boundaries of a replacement in which nothing goes wrong."""
    recording = Nothing()
    play(field, variant, recording, manners=BAD)
    assert recording.ended is not None
    assert recording.ended.code == 0, recording.ended.wrote
    return recording.ended.steps


def test_killed_at_every_step(field: Field, variants: Sequence[Variant]) -> None:
    """The command is killed at each boundary between two steps; the next one finishes it.

    In turn with consumers that reject and die, and without any: what was waiting then keeps its order.
    """
    following = itertools.cycle([*variants[1:], variants[0]])
    steps = steps_of_a_replacement(field, next(following))
    for number in range(1, len(steps) + 1):
        play(field, next(following), KillAtStep(number), manners=BAD if number % 2 else None)
    assert field.tally.interruptions == len(steps)


def test_killed_in_a_step(field: Field, variants: Sequence[Variant]) -> None:
    """The command is killed while it moves messages, or at whatever it does at that moment."""
    following = itertools.cycle([*variants[1:], variants[0]])
    steps = steps_of_a_replacement(field, next(following))
    for number in (steps.index(step) + 1 for step in MOVING):
        seconds = field.randomly.uniform(0, 0.1)
        play(field, next(following), KillAfter(number, seconds), manners=None, waiting=500)
    assert field.tally.interruptions


@pytest.mark.parametrize("kind", Kind)
def test_a_bad_network(kind: Kind, field: Field, variants: Sequence[Variant]) -> None:
    """The command's AMQP connections are cut, reset or held at some byte of all that goes over them."""
    following = itertools.cycle([*variants[1:], variants[0]])
    for after_bytes in (1500, 15_000, 60_000):
        fault = Fault(kind=kind, after_bytes=after_bytes, seconds=2)
        play(field, next(following), BadNetwork(fault), manners=None, waiting=300)


def test_the_broker_is_killed(
    variants: Sequence[Variant], node_factory: NodeFactory, tmp_path: Path, tally: Tally
) -> None:
    """The broker is killed at once where a new queue has become the only one with a message, and comes back.

    Nothing is rejected meanwhile: RabbitMQ dead-letters without waiting for a confirm.
    """
    node: Node = node_factory()
    with battlefield(as_broker(node), "/", tmp_path, seed=SEED, tally=tally, node=node) as field:
        field.prepare(variants[0])
        following = itertools.cycle([*variants[1:], variants[0]])
        steps = steps_of_a_replacement(field, next(following))
        for step, manners in zip(ALONE, itertools.cycle((None, GOOD)), strict=False):
            play(field, next(following), KillBroker(steps.index(step) + 1), manners=manners)
        assert tally.interruptions == len(ALONE)
