"""Every way in which the replacement of an exchange can be interrupted, however often, and what comes of it."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, cast

from proca_topo.apply.replacing.exchange import ExchangeReplacement
from proca_topo.apply.replacing.exchange_steps import EXCHANGE_PROTOCOL, ExchangeRule
from proca_topo.apply.watch import SILENT
from proca_topo.errors import BrokerError
from proca_topo.plan.changes import Replacing
from proca_topo.plan.replacing.exchanges import ExchangeReplacements
from proca_topo.topology.desired import Desired
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.nouns import OUR_PREFIX, Binding, Exchange
from proca_topo.topology.ownership import OwnedPattern, Ownership
from tests.apply.replacing.exchange_vhost import FakeBroker, KilledError, Message, Vhost

NAME: Final = "in"
# The exchange is made again as a client declares it, and then as the spec wants.
_ROUNDS: Final = 4

Spec = Exchange | None
"""What the spec wants; None once it wants no such exchange."""


@dataclass(frozen=True, kw_only=True)
class Story:
    """What is there, the specs in any order in which they may come, and where messages have to get all the while.

    `ends` are the exchanges that messages are published to. `bindings` are to be there in the end.
    """

    start: Vhost
    specs: tuple[Spec, ...]
    expected: dict[Message, frozenset[str]]
    ends: tuple[str, ...]
    bindings: frozenset[Binding]


class Found(NamedTuple):
    """How many vhosts were seen; what is wrong with one of them, and what was done last."""

    states: int
    wrong: str | None = None


class _WrongError(Exception):
    """What should never be."""


def search(story: Story, protocol: Sequence[ExchangeRule] = EXCHANGE_PROTOCOL) -> Found:
    """Run from everything that any run may leave, killed after any operation, by any of the specs."""
    seen: set[Vhost] = {story.start}
    todo = deque(seen)

    def note(vhost: Vhost) -> None:
        if vhost not in seen:
            seen.add(vhost)
            todo.append(vhost)

    runs = [_Runs(story, spec, protocol, note, backwards) for spec in story.specs for backwards in (False, True)]
    try:
        while todo:
            vhost = todo.popleft()
            for one in runs:
                one.run(vhost)
            for other in _redeclared(story, vhost):
                note(other)
    except _WrongError as error:
        return Found(len(seen), str(error))
    return Found(len(seen))


def _redeclared(story: Story, vhost: Vhost) -> Iterator[Vhost]:
    """A client that finds no exchange declares it as it knows it."""
    for spec in story.specs:
        if vhost.exchange(NAME) is None and spec is not None and (there := vhost.with_noun(spec)) is not None:
            yield there


@dataclass
class _Runs:
    """The runs by one spec, which do several things at once in one order or in the other."""

    story: Story
    spec: Spec
    protocol: Sequence[ExchangeRule]
    note: Callable[[Vhost], None]
    backwards: bool
    ends_well: set[Vhost] = field(default_factory=set)

    def run(self, start: Vhost) -> None:
        """To the end, looking at what is there after each operation.

        A run remembers nothing: one that comes to where another was, and looks, goes on as that did.
        """
        looked_at: list[Vhost] = []

        def looking(vhost: Vhost) -> None:
            if vhost in self.ends_well and vhost != start:
                raise KilledError
            looked_at.append(vhost)

        broker = FakeBroker(vhost=start, after=self._after, looking=looking, backwards=self.backwards)
        try:
            replaced(broker, self.spec, self.protocol)
        except KilledError:
            pass
        else:
            _check_end(self.story, broker.vhost, self.spec)
        self.ends_well.update(looked_at)

    def _after(self, _: int, vhost: Vhost) -> Vhost:
        _check(self.story, vhost)
        self.note(vhost)
        return vhost


def replaced(broker: FakeBroker, spec: Spec, protocol: Sequence[ExchangeRule] = EXCHANGE_PROTOCOL) -> None:
    """As many applies as it takes."""
    desired = Desired(
        ownership=Ownership(patterns=(OwnedPattern(text=NAME, regex=NAME),)),
        exchanges={spec.name: spec} if spec is not None else {},
    )
    for _ in range(_ROUNDS):
        existing = broker.existing()
        changes = ExchangeReplacements(existing=existing, desired=desired, replacing=Replacing.IDLE).changes
        if not changes:
            return
        for change in changes.values():
            if change.held_back is not None:
                raise _WrongError(f"held back: {change.held_back}")
            both = cast("Any", broker)
            try:
                ExchangeReplacement(
                    replaced=cast("ReplacedExchange", change.replaced),
                    wanted=spec,
                    bindings=(),
                    existing=existing,
                    broker=both,
                    mover=both,
                    watch=SILENT,
                    protocol=protocol,
                ).run()
            except BrokerError as error:
                raise _WrongError(f"stopped: {error}") from error
    raise _WrongError("never ends")


def _check(story: Story, vhost: Vhost) -> None:
    """Whoever publishes at this moment."""
    for message, queues in story.expected.items():
        for name in story.ends:
            if vhost.exchange(name) is None:
                continue  # the publisher is told
            if lost := queues - vhost.reached(name, message):
                raise _WrongError(f"lost: {message} to {sorted(lost)}, published to {name}")


def _check_end(story: Story, vhost: Vhost, spec: Spec) -> None:
    there = vhost.exchange(NAME)
    if there is None or (spec is not None and there != spec):
        raise _WrongError(f"not as it should be: {there}")
    names = [one.name for one in vhost.exchanges] + [one.name for one in vhost.policies]
    if left := [
        name for name in names if name.startswith(OUR_PREFIX) and not name.startswith(f"{OUR_PREFIX}trial.")
    ]:
        raise _WrongError(f"left: {left}")
    if vhost.bindings != story.bindings:
        raise _WrongError(f"bindings: {sorted(b.name for b in vhost.bindings ^ story.bindings)}")
