"""What can go wrong while a queue is replaced."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.torture.command import REPLACE, At, Ended
from tests.torture.field import Attack, Field
from tests.torture.proxy import Fault, Kind, proxy_to


@dataclass
class Nothing:
    """Nothing goes wrong. It keeps what the command did."""

    ended: Ended | None = None

    def strike(self, field: Field) -> str | None:
        self.ended = field.command.run(*REPLACE)
        return None


@dataclass(frozen=True)
class KillAtStep:
    """The command gets a SIGKILL at the boundary of that number, counted from 1."""

    number: int

    def strike(self, field: Field) -> str | None:
        ended = field.command.run(*REPLACE, at=At.KILL, boundary=self.number)
        return ended.last_step if len(ended.steps) >= self.number else None


@dataclass(frozen=True)
class KillAfter:
    """The command gets a SIGKILL some seconds after a boundary: in the middle of a step."""

    number: int
    seconds: float

    def strike(self, field: Field) -> str | None:
        with field.command.running(*REPLACE) as running:
            if running.wait_for_step(self.number):
                time.sleep(self.seconds)
            running.kill()
            ended = running.end()
        return f"in {ended.last_step}" if ended.code < 0 else None


@dataclass(frozen=True)
class KillBroker:
    """The broker gets a SIGKILL while the command waits at a boundary, and is started again."""

    number: int

    def strike(self, field: Field) -> str | None:
        assert field.node is not None
        with field.command.running(*REPLACE, at=At.HOLD, boundary=self.number) as running:
            if not running.wait_for_step(self.number):
                return None
            field.node.kill()
            running.go_on()
            field.node.restart()
            return running.end().last_step


@dataclass(frozen=True)
class BadNetwork:
    """Something happens to an AMQP connection of the command."""

    fault: Fault

    def strike(self, field: Field) -> str | None:
        port = urlsplit(field.amqp_url).port
        assert port is not None
        with proxy_to(port) as proxy:
            proxy.set_fault(self.fault)
            url = field.broker.amqp_url.replace(f":{port}/", f":{proxy.port}/")
            ended = field.command.run(*REPLACE, amqp_url=url)
            return f"in {ended.last_step}" if proxy.struck.is_set() and ended.code else None


@dataclass(frozen=True)
class Twice:
    """One thing after the other, before anything is finished."""

    first: Attack
    second: Attack

    def strike(self, field: Field) -> str | None:
        places = [place for attack in (self.first, self.second) if (place := attack.strike(field)) is not None]
        return ", then ".join(places) or None


def random_attack(randomly: random.Random, *, steps: int) -> Attack:
    """One of them. `steps` are the boundaries that there are."""

    def at_step() -> KillAtStep:
        return KillAtStep(randomly.randint(1, steps))

    def after_step() -> KillAfter:
        return KillAfter(randomly.randint(1, steps), randomly.uniform(0, 0.3))

    def network() -> BadNetwork:
        # From the handshake to the end of what is moved, each order of magnitude as likely as the others.
        return BadNetwork(
            Fault(
                kind=randomly.choice(list(Kind)),
                after_bytes=round(10 ** randomly.uniform(2.5, 6)),
                seconds=randomly.uniform(0.5, 5),
            )
        )

    def twice() -> Twice:
        kinds: list[Callable[[], Attack]] = [at_step, after_step, network]
        return Twice(randomly.choice(kinds)(), randomly.choice(kinds)())

    def broker() -> KillBroker:
        return KillBroker(randomly.randint(1, steps))

    kinds: list[Callable[[], Attack]] = [at_step, after_step, network, twice, broker]
    return randomly.choice(kinds)()
