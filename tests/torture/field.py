"""A vhost under load, whose queue is replaced round after round while something goes wrong."""

import random
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from proca_topo.broker.amqp.lock import LOCK_QUEUE
from tests.brokers.fixtures import TestBroker
from tests.torture.command import PLAN, REPLACE, Command, Ended
from tests.torture.consumers import GOOD, Manners, consumers_of
from tests.torture.ledger import Account, Ledger
from tests.torture.outages import Outages
from tests.torture.publisher import Publisher, publisher_to
from tests.torture.tally import Kind, Tally, Trouble
from tests.torture.world import (
    QUEUE,
    THEIR_BINDINGS,
    THEIR_QUEUE,
    THEIRS,
    Variant,
    is_from_queue,
    routes,
    siblings_named,
    write_spec,
)

# A tick's least: what counts are the moments, and several lanes share the machine.
_RATE: Final = 50
# Nothing has come out for so long: what is missing does not come any more. The slow circuit takes 0.6 s; a busy
# machine takes long to connect consumers again. Where nothing is missing nobody waits.
_IDLE_SECONDS: Final = 180.0
# Another lane may have the broker killed meanwhile, and a busy machine takes a minute and more to start it.
_CONFIRM_SECONDS: Final = 600
_TRIES: Final = 5
_SHOWN: Final = 20
_TO_BE_DELETED: Final = re.compile(r"\(rabbitmqctl delete_queue ([^)]+)\)")


@dataclass(kw_only=True)
class Field:
    """What attacks can do their worst to."""

    broker: TestBroker
    vhost: str
    command: Command
    publisher: Publisher
    randomly: random.Random
    seed: int
    tally: Tally
    http: httpx.Client
    outages: Outages
    variant: Variant = field(default_factory=dict)
    untouched: dict[str, Any] = field(default_factory=dict)
    siblings: int = 0

    @property
    def amqp_url(self) -> str:
        """The AMQP URL of the vhost."""
        return f"{self.broker.amqp_url}{self._path}"

    def turn_to(self, broker: TestBroker) -> None:
        """Use another node of the cluster from now on."""
        self.broker = broker
        self.command = replace(self.command, broker=broker)
        self.http.close()
        self.http = broker.http()

    def get(self, what: str, **parameters: str) -> Any:
        """A listing of the vhost from the management API: `bindings`."""
        return self.http.get(f"/api/{what}/{self._path}", params=parameters).raise_for_status().json()

    @property
    def queues(self) -> list[str]:
        """The queues with messages, each once."""
        return [QUEUE, *siblings_named(self.siblings), THEIR_QUEUE]

    @property
    def _path(self) -> str:
        return quote(self.vhost, safe="")

    def prepare(self, variant: Variant) -> None:
        """Make the queue as a variant has it, and what is somebody else's."""
        self._post(f"definitions/{self._path}", THEIRS)
        self.want(variant)
        made = self.command.run("apply", "--yes", "--detailed-exitcode")
        assert made.code == 0, made.wrote
        for source, queue, binding in THEIR_BINDINGS:
            self._post(f"bindings/{self._path}/e/{source}/q/{queue}", binding)
        self.untouched = self._all_but_the_queue()

    def want(self, variant: Variant) -> None:
        """Write a spec that wants the queue so."""
        write_spec(self.command.folder, variant, siblings=self.siblings)
        self.variant = variant

    def finish(self) -> None:
        """Apply again until nothing is pending. Fails if that does not come."""
        self.outages.undisturbed(self._finish)

    def finish_and_check(self, outages: int) -> None:
        """Everything is as it should be; finished again if there were more outages than so many.

        RabbitMQ 3.10 may forget what was declared or deleted just before it was killed.
        """

        def look() -> None:
            if self.outages.count != outages:
                self._finish()
            self.check_clean()

        self.outages.undisturbed(look)

    def account(self, ledger: Ledger) -> Account:
        """What has come out, once all has or the broker is up and nothing comes any more."""
        return self.outages.undisturbed(lambda: ledger.balance(idle_seconds=_IDLE_SECONDS))

    def _finish(self) -> None:
        for _ in range(_TRIES):
            ended = self.command.run(*REPLACE, "--detailed-exitcode")
            if ended.code == 0:
                return
            self._do_as_told(ended)
        raise AssertionError(
            f"still exit code {ended.code} after {_TRIES} tries:\n{ended.wrote}\n{self.messages()}"
        )

    def _do_as_told(self, ended: Ended) -> None:
        """RabbitMQ 3.10 does not say whether a queue that it was killed at deleting has nothing: people look."""
        for queue in _TO_BE_DELETED.findall(" ".join(ended.wrote.split())):
            self.http.delete(f"/api/queues/{self._path}/{queue}").raise_for_status()

    def check_clean(self) -> None:
        """Everything is as it was, but for the queue itself, and nothing else is there."""
        now = self._all_but_the_queue()
        for what, before in self.untouched.items():
            assert now[what] == before, f"{what}: {now[what]}\nbefore: {before}"

    def check_plan_is_empty(self) -> Ended:
        """A plan has nothing to do."""
        planned = self.command.run(*PLAN)
        assert planned.code == 0, planned.wrote
        return planned

    def messages(self) -> str:
        """How many messages are in which queue, for a failure."""
        listed = self.get("queues", disable_stats="true", enable_queue_totals="true")
        return ", ".join(f"{queue['name']}: {queue.get('messages', '?')}" for queue in listed)

    def _all_but_the_queue(self) -> dict[str, Any]:
        exported = self.http.get(f"/api/definitions/{self._path}").raise_for_status().json()
        return {
            "exchanges": sorted(exported["exchanges"], key=repr),
            "bindings": sorted(exported["bindings"], key=repr),
            "queues": sorted({queue["name"] for queue in exported["queues"]} - {LOCK_QUEUE}),
        }

    def _post(self, path: str, body: Any) -> None:
        self.http.post(f"/api/{path}", json=dict(body)).raise_for_status()


class Attack(Protocol):
    """Something that goes wrong."""

    def strike(self, field: Field) -> Sequence[Trouble]:
        """Start the replacement and interrupt it. What went wrong; nothing if it ended before."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """The queue becomes `variant`, and the attack strikes.

    Without consumers (no manners) `waiting` messages are there first, and come out in the order they went in.
    Messages `may_return` to the publisher where a queue is on a node that is down.
    """

    variant: Variant
    attack: Attack
    manners: Manners | None
    waiting: int = 150
    may_return: bool = False


def play(field: Field, game: Round) -> None:
    """Play a round: the attack strikes, apply finishes, every message is accounted for."""
    ledger = Ledger()
    field.publisher.resume(ledger, burst=game.waiting)
    there = [QUEUE, *field.queues] if game.manners else []
    with _consuming(field, ledger, there, game.manners):
        ledger.wait_for_confirmed(game.waiting, seconds=_CONFIRM_SECONDS)
        before = frozenset(filter(is_from_queue, ledger.confirmed))
        field.want(game.variant)
        troubles = _strike(field, game.attack)
        try:
            outages = field.outages.count
            field.finish()
        finally:
            field.publisher.pause()
        with _consuming(field, ledger, [] if game.manners else field.queues, GOOD):
            account = field.account(ledger)
    field.tally.count_round(account, troubles)
    where = f"vhost {field.vhost}, seed {field.seed}, {game}, struck: {', '.join(map(str, troubles))}"
    assert not account.lost, (
        f"{len(account.lost)} of {account.confirmed} lost in {where}: {account.lost[:_SHOWN]}\n{field.messages()}"
    )
    assert game.may_return or not account.returned, (
        f"{len(account.returned)} had no queue to go to in {where}: {account.returned[:_SHOWN]}"
    )
    if game.manners is None:
        assert ledger.out_of_order(before) is None, f"order: {ledger.out_of_order(before)} in {where}"
    field.finish_and_check(outages)


def _strike(field: Field, attack: Attack) -> Sequence[Trouble]:
    before = field.outages.count
    troubles = attack.strike(field)
    if field.outages.count == before or any(trouble.kind is Kind.BROKER for trouble in troubles):
        return troubles
    return [*troubles, Trouble(kind=Kind.BROKER, where="by another lane", interrupted=False)]


@contextmanager
def _consuming(field: Field, ledger: Ledger, queues: list[str], manners: Manners | None) -> Iterator[None]:
    consuming = (
        consumers_of(field.amqp_url, queues, ledger, manners, field.randomly)
        if queues and manners
        else nullcontext()
    )
    with consuming:
        yield


@contextmanager
def battlefield(
    broker: TestBroker,
    vhost: str,
    folder: Path,
    *,
    seed: int,
    tally: Tally,
    outages: Outages | None = None,
    others: Sequence[TestBroker] = (),
    siblings: int = 0,
) -> Iterator[Field]:
    """A field with its publisher (paused), for the length of a `with` block. Nothing is declared yet.

    The publisher also knows the `others` of the broker's cluster.
    """
    urls = [f"{one.amqp_url}{quote(vhost, safe='')}" for one in (broker, *others)]
    with publisher_to(urls, routes(siblings), rate=_RATE) as publisher, broker.http() as http:
        yield Field(
            broker=broker,
            vhost=vhost,
            command=Command(folder=folder, broker=broker, vhost=vhost),
            publisher=publisher,
            randomly=random.Random(seed),
            seed=seed,
            tally=tally,
            http=http,
            outages=outages or Outages(),
            siblings=siblings,
        )
