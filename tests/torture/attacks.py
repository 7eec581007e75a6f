"""What can go wrong while a queue is replaced. Boundaries have the names of the steps that follow them."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, assert_never
from urllib.parse import urlsplit

from proca_topo.apply.replacing.steps import Step
from tests.torture import proxy
from tests.torture.command import NOWHERE, REPLACE, At, Ended
from tests.torture.field import Attack, Field
from tests.torture.proxy import Fault, proxy_to
from tests.torture.tally import Kind, Trouble

# No spec of these battlefields binds the new queue otherwise than the old one.
BOUNDARIES: Final = (*(step.name for step in Step if step is not Step.BIND_WANTED), "done")


@dataclass
class Nothing:
    """Nothing goes wrong. It keeps what the command did."""

    ended: Ended | None = None

    def strike(self, field: Field) -> Sequence[Trouble]:
        self.ended = field.command.run(*REPLACE)
        return []


@dataclass(frozen=True)
class KillAtStep:
    """The command gets a SIGKILL at a boundary."""

    step: str

    def strike(self, field: Field) -> Sequence[Trouble]:
        ended = field.command.run(*REPLACE, at=At.KILL, boundary=self.step)
        return [Trouble(kind=Kind.AT_STEP, where=self.step)] if self.step in ended.steps else []


@dataclass(frozen=True)
class KillAfter:
    """The command gets a SIGKILL some seconds after a boundary: in the middle of a step.

    It waits for it where it is done: on a busy machine it could otherwise end before.
    """

    step: str
    seconds: float

    def strike(self, field: Field) -> Sequence[Trouble]:
        end = BOUNDARIES[-1]
        boundary = end if self.step != end else NOWHERE
        with field.command.running(*REPLACE, at=At.HOLD, boundary=boundary) as running:
            if running.wait_for_step(self.step):
                time.sleep(self.seconds)
            running.kill()
            ended = running.end()
        return [Trouble(kind=Kind.IN_STEP, where=ended.last_step)] if ended.code < 0 else []


@dataclass(frozen=True)
class KillBroker:
    """The broker gets a SIGKILL while the command waits at a boundary, and is started again.

    So many other lanes are to be there: they are waited for first, since the kill comes at once at the boundary.
    """

    step: str
    others: int = 0

    def strike(self, field: Field) -> Sequence[Trouble]:
        field.outages.wait_for_lanes(self.others)
        with field.command.running(*REPLACE, at=At.HOLD, boundary=self.step) as running:
            if not running.wait_for_step(self.step):
                return []
            field.outages.kill(then=running.go_on)
            ended = running.end()
        return [Trouble(kind=Kind.BROKER, where=self.step, interrupted=ended.code != 0)]


@dataclass(frozen=True)
class BeThere:
    """The command waits at a boundary while another lane kills the broker. `outage` counts from 1."""

    step: str
    outage: int

    def strike(self, field: Field) -> Sequence[Trouble]:
        with field.command.running(*REPLACE, at=At.HOLD, boundary=self.step) as running:
            running.wait_for_step(self.step)
            field.outages.wait_for(self.outage, or_until=lambda: running.has_ended)
            running.go_on()
            ended = running.end()
        if field.outages.count < self.outage or not ended.code:
            return []
        return [Trouble(kind=Kind.BROKER, where=ended.last_step)]


@dataclass(frozen=True)
class BadNetwork:
    """Something happens to an AMQP connection of the command. A stall is over before anybody gives up."""

    fault: Fault

    def strike(self, field: Field) -> Sequence[Trouble]:
        port = urlsplit(field.amqp_url).port
        assert port is not None
        with proxy_to(port) as between:
            between.set_fault(self.fault)
            url = field.broker.amqp_url.replace(f":{port}/", f":{between.port}/")
            ended = field.command.run(*REPLACE, amqp_url=url)
            if not between.struck.is_set():
                return []
            return [Trouble(kind=self._kind, where=ended.last_step, interrupted=ended.code != 0)]

    @property
    def _kind(self) -> Kind:
        match self.fault.kind:
            case proxy.Kind.CUT:
                return Kind.CUT
            case proxy.Kind.RESET:
                return Kind.RESET
            case proxy.Kind.STALL:
                return Kind.STALL
            case _:
                assert_never(self.fault.kind)


@dataclass(frozen=True)
class Twice:
    """One thing after the other, before anything is finished."""

    first: Attack
    second: Attack

    def strike(self, field: Field) -> Sequence[Trouble]:
        return [*self.first.strike(field), *self.second.strike(field)]


def random_attack(randomly: random.Random, *, on_broker: bool) -> Attack:
    """One of them; the broker itself is killed only where that is said."""

    def at_step() -> KillAtStep:
        return KillAtStep(randomly.choice(BOUNDARIES))

    def after_step() -> KillAfter:
        return KillAfter(randomly.choice(BOUNDARIES), randomly.uniform(0, 0.3))

    def network() -> BadNetwork:
        # From the handshake to the end of what is moved, each order of magnitude as likely as the others.
        return BadNetwork(
            Fault(
                kind=randomly.choice(list(proxy.Kind)),
                after_bytes=round(10 ** randomly.uniform(2.5, 5.5)),
                seconds=randomly.uniform(0.5, 5),
            )
        )

    def twice() -> Twice:
        kinds: list[Callable[[], Attack]] = [at_step, after_step, network]
        return Twice(randomly.choice(kinds)(), randomly.choice(kinds)())

    def broker() -> KillBroker:
        return KillBroker(randomly.choice(BOUNDARIES))

    kinds: list[Callable[[], Attack]] = [at_step, after_step, network, twice]
    return randomly.choice([*kinds, broker] if on_broker else kinds)()
