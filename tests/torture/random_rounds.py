"""Replacements at random, for as long as one likes.

    python -m tests.torture [--minutes 5] [--seed N]

PROCA_TOPO_TEST_RABBITMQ says on which version. What a seed gives is what goes wrong and with what; the moment
within a step is the machine's.
"""

import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from proca_topo.sandbox.node import running_node
from tests.brokers.cluster import as_broker
from tests.brokers.versions import selected
from tests.torture.attacks import random_attack
from tests.torture.consumers import BAD, DYING, GOOD, Manners
from tests.torture.field import Round
from tests.torture.lanes import Lane, play_lanes
from tests.torture.outages import Outages
from tests.torture.tally import Tally
from tests.torture.world import CLASSIC, MORE, QUORUM, Variant

_WAITING: Final = (0, 150, 600, 2000)
_STEADY_LANES: Final = 3
_MORTAL_LANES: Final = 2


def play_for(minutes: float, seed: int, tally: Tally) -> None:
    """Play until the time is over, on two brokers, one of which is killed now and then.

    RabbitMQ dead-letters without waiting for a confirm: what is rejected while a broker dies may be lost. So
    consumers reject on the other one only. Raises AssertionError at the first message that is lost.
    """
    installation = selected().installation()
    with (
        running_node(installation) as steady,
        running_node(installation) as mortal,
        tempfile.TemporaryDirectory() as folder,
    ):
        _say(f"RabbitMQ {steady.version}, seed {seed}")
        outages = Outages(mortal)
        deadline = time.monotonic() + minutes * 60
        lanes = [
            Lane(
                broker=as_broker(mortal if is_mortal else steady),
                outages=outages if is_mortal else Outages(),
                start=CLASSIC[0],
                rounds=_rounds(random.Random(f"{seed}.{number}"), deadline, tally, is_mortal=is_mortal),
                # Where the broker is killed, each new quorum queue may be left without a leader.
                siblings=0 if is_mortal else number,
            )
            for number, is_mortal in enumerate([False] * _STEADY_LANES + [True] * _MORTAL_LANES)
        ]
        play_lanes(lanes, Path(folder), seed=seed, tally=tally)


def _rounds(randomly: random.Random, deadline: float, tally: Tally, *, is_mortal: bool) -> Iterator[Round]:
    variant: Variant = CLASSIC[0]
    while time.monotonic() < deadline:
        variant = randomly.choice([other for other in (*CLASSIC, *QUORUM, *MORE) if other != variant])
        manners: Manners | None = randomly.choice([None, GOOD, DYING] if is_mortal else [None, BAD])
        game = Round(
            variant=variant,
            attack=random_attack(randomly, on_broker=is_mortal),
            manners=manners,
            waiting=randomly.choice(_WAITING),
        )
        yield game
        _say(f"{tally}; {game}")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - what a person waits for
