"""Replacements at random, for as long as one likes.

    python -m tests.torture [--minutes 5] [--seed N]

PROCA_TOPO_TEST_RABBITMQ says on which version. What a seed gives is what goes wrong and with what; the moment
within a step is the machine's.
"""

import random
import tempfile
import time
from pathlib import Path
from typing import Final

from proca_topo.sandbox.node import running_node
from tests.brokers.cluster import as_broker
from tests.brokers.versions import selected
from tests.torture.attacks import KillBroker, Nothing, random_attack
from tests.torture.consumers import BAD, GOOD, Manners
from tests.torture.field import Field, Tally, battlefield, play
from tests.torture.world import CLASSIC, QUORUM

_WAITING: Final = (0, 150, 600, 2000)


def play_for(minutes: float, seed: int) -> Tally:
    """Play until the time is over. Raises AssertionError at the first message that is lost."""
    randomly = random.Random(seed)
    tally = Tally()
    with running_node(selected().installation()) as node, tempfile.TemporaryDirectory() as folder:
        _say(f"RabbitMQ {node.version}, seed {seed}")
        with battlefield(as_broker(node), "/", Path(folder), seed=seed, tally=tally, node=node) as field:
            field.prepare(CLASSIC[0])
            recording = Nothing()
            play(field, CLASSIC[1], recording, manners=BAD)
            assert recording.ended is not None
            deadline = time.monotonic() + minutes * 60
            while time.monotonic() < deadline:
                _play_one(field, randomly, steps=len(recording.ended.steps))
            field.check_plan_is_empty()
        _say(f"RabbitMQ {node.version}, seed {seed}: {tally}")
    return tally


def _play_one(field: Field, randomly: random.Random, *, steps: int) -> None:
    others = [variant for variant in (*CLASSIC, *QUORUM) if variant != field.variant]
    variant = randomly.choice(others)
    attack = random_attack(randomly, steps=steps)
    # RabbitMQ dead-letters without waiting for a confirm: what is rejected while it dies may be lost.
    manners: Manners | None = randomly.choice([None, GOOD if isinstance(attack, KillBroker) else BAD])
    play(field, variant, attack, manners=manners, waiting=randomly.choice(_WAITING))
    _say(f"{field.tally}; {attack}, {'with' if manners else 'without'} consumers, to {variant}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a person waits for
