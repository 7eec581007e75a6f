"""Several vhosts under torture side by side: while one lane waits for RabbitMQ, another has the machine."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tests.brokers.fixtures import TestBroker, new_vhost
from tests.torture.field import Field, Round, battlefield, play
from tests.torture.outages import Outages
from tests.torture.tally import Tally
from tests.torture.world import Variant


@dataclass(frozen=True, kw_only=True)
class Lane:
    """A vhost of a broker, what its queue is in the beginning, and what is played there, round after round.

    `others` are the other nodes of its cluster. So many `siblings` of the queue are replaced along with it.
    """

    broker: TestBroker
    outages: Outages
    start: Variant
    rounds: Iterable[Round]
    others: Sequence[TestBroker] = ()
    siblings: int = 0


def play_lanes(lanes: Sequence[Lane], folder: Path, *, seed: int, tally: Tally) -> None:
    """Play all of them at once, to the end. Raises what failed first; then each lane ends after its round."""
    with ExitStack() as fields, ThreadPoolExecutor(len(lanes)) as threads:
        made = [
            fields.enter_context(_field(lane, folder / str(number), seed=seed + number, tally=tally))
            for number, lane in enumerate(lanes)
        ]
        # All before the first outage: RabbitMQ 3.10 may forget what was declared just before it was killed.
        list(threads.map(lambda field, lane: field.prepare(lane.start), made, lanes))
        failed = Event()
        playing = [
            threads.submit(_play_all, field, lane.rounds, failed) for field, lane in zip(made, lanes, strict=True)
        ]
        first: BaseException | None = None
        for playing_lane in as_completed(playing):
            first = first or playing_lane.exception()
            if first is not None:
                failed.set()
                for lane in lanes:
                    lane.outages.give_up()
        if first is not None:
            raise first


@contextmanager
def _field(lane: Lane, folder: Path, *, seed: int, tally: Tally) -> Iterator[Field]:
    folder.mkdir()
    with (
        new_vhost(lane.broker) as vhost,
        battlefield(
            lane.broker,
            vhost,
            folder,
            seed=seed,
            tally=tally,
            outages=lane.outages,
            others=lane.others,
            siblings=lane.siblings,
        ) as field,
    ):
        yield field


def _play_all(field: Field, rounds: Iterable[Round], failed: Event) -> None:
    for game in rounds:
        if failed.is_set():
            return
        play(field, game)
    field.outages.undisturbed(field.check_plan_is_empty)
