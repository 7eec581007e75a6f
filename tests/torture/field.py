"""A vhost under load, whose queue is replaced round after round while something goes wrong."""

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import quote

import httpx

from proca_topo.broker.lock import LOCK_QUEUE
from proca_topo.sandbox.node import Node
from tests.brokers.fixtures import TestBroker
from tests.torture.command import PLAN, REPLACE, Command, Ended
from tests.torture.consumers import GOOD, Manners, consumers_of
from tests.torture.ledger import Account, Ledger
from tests.torture.publisher import Publisher, publisher_to
from tests.torture.world import QUEUE, ROUTES, THEIR_BINDINGS, THEIR_QUEUE, THEIRS, Variant, write_spec

_RATE: Final = 200
# Nothing has come out for so long: what is missing does not come any more. The slow circuit takes 0.6 s.
_IDLE_SECONDS: Final = 6.0
_CONFIRM_SECONDS: Final = 60
_TRIES: Final = 5
_SHOWN: Final = 20


@dataclass
class Tally:
    """What all rounds came to."""

    rounds: int = 0
    interruptions: int = 0
    account: Account = field(default_factory=Account)

    @property
    def numbers(self) -> Mapping[str, int]:
        """All of it, by name."""
        return {
            "replacements": self.rounds,
            "interrupted": self.interruptions,
            "confirmed": self.account.confirmed,
            "lost": len(self.account.lost),
            "returned": len(self.account.returned),
            "duplicates": self.account.duplicates,
        }

    def __str__(self) -> str:
        return ", ".join(f"{number} {name}" for name, number in self.numbers.items())


@dataclass(kw_only=True)
class Field:
    """What attacks can do their worst to. `node` is there where the broker may be killed."""

    broker: TestBroker
    vhost: str
    command: Command
    publisher: Publisher
    randomly: random.Random
    seed: int
    tally: Tally
    http: httpx.Client
    node: Node | None = None
    variant: Variant = field(default_factory=dict)
    untouched: dict[str, Any] = field(default_factory=dict)

    @property
    def amqp_url(self) -> str:
        """The AMQP URL of the vhost."""
        return f"{self.broker.amqp_url}{self._path}"

    def get(self, what: str, **parameters: str) -> Any:
        """A listing of the vhost from the management API: `bindings`."""
        return self.http.get(f"/api/{what}/{self._path}", params=parameters).raise_for_status().json()

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
        write_spec(self.command.folder, variant)
        self.variant = variant

    def finish(self) -> None:
        """Apply again until nothing is pending. Fails if that does not come."""
        for _ in range(_TRIES):
            ended = self.command.run(*REPLACE, "--detailed-exitcode")
            if ended.code == 0:
                return
        raise AssertionError(
            f"still exit code {ended.code} after {_TRIES} tries:\n{ended.wrote}\n{self.messages()}"
        )

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

    def strike(self, field: Field) -> str | None:
        """Start the replacement and interrupt it. Where that was; None if it ended before."""


def play(field: Field, variant: Variant, attack: Attack, *, manners: Manners | None, waiting: int = 150) -> None:
    """One round: the queue becomes `variant`, the attack strikes, apply finishes, every message is accounted for.

    Without consumers (no manners) so many messages are waiting first, and come out in the order they went in.
    """
    ledger = Ledger()
    field.publisher.resume(ledger)
    field.tally.rounds += 1
    there = [QUEUE, QUEUE, THEIR_QUEUE] if manners else []
    with _consuming(field, ledger, there, manners):
        ledger.wait_for_confirmed(waiting, seconds=_CONFIRM_SECONDS)
        before = frozenset(message_id for message_id in ledger.confirmed if not message_id.endswith(".theirs"))
        field.want(variant)
        struck = attack.strike(field)
        field.tally.interruptions += struck is not None
        try:
            field.finish()
        finally:
            field.publisher.pause()
        with _consuming(field, ledger, [] if manners else [QUEUE, THEIR_QUEUE], GOOD):
            account = ledger.balance(idle_seconds=_IDLE_SECONDS)
    field.tally.account += account
    where = (
        f"round {field.tally.rounds}, seed {field.seed}, {attack}, struck: {struck}, to {variant},"
        f" {'with' if manners else 'without'} consumers"
    )
    assert not account.lost, (
        f"{len(account.lost)} of {account.confirmed} lost in {where}: {account.lost[:_SHOWN]}\n{field.messages()}"
    )
    assert not account.returned, (
        f"{len(account.returned)} had no queue to go to in {where}: {account.returned[:_SHOWN]}"
    )
    if manners is None:
        assert ledger.out_of_order(before) is None, f"order: {ledger.out_of_order(before)} in {where}"
    field.check_clean()


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
    broker: TestBroker, vhost: str, folder: Path, *, seed: int, tally: Tally, node: Node | None = None
) -> Iterator[Field]:
    """A field with its publisher (paused), for the length of a `with` block. Nothing is declared yet."""
    url = f"{broker.amqp_url}{quote(vhost, safe='')}"
    with publisher_to([url], ROUTES, rate=_RATE) as publisher, broker.http() as http:
        yield Field(
            broker=broker,
            vhost=vhost,
            command=Command(folder=folder, broker=broker, vhost=vhost),
            publisher=publisher,
            randomly=random.Random(seed),
            seed=seed,
            tally=tally,
            http=http,
            node=node,
        )
