"""What a plan is made of: changes as classes, each with what it can cost."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, assert_never

from proca_topo.plan.impact.facts import Impact
from proca_topo.topology.exchange_holding import ReplacedExchange, UnfinishedExchange
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.holding import Replaced, Unfinished
from proca_topo.topology.nouns import Noun


class Action(StrEnum):
    """The names of the changes, in the plan's JSON and its summary."""

    DECLARE = "declare"
    UPDATE = "update"
    REPLACE = "replace"
    RETIRE = "retire"
    DELETE = "delete"


class Replacing(StrEnum):
    """Which replacements an apply may make.

    FORBIDDEN is for one that has no lock, FINISHING for those only that were begun. A queue that is consumed from
    is replaced by DISCONNECTING alone.
    """

    FORBIDDEN = "forbidden"
    FINISHING = "finishing"
    IDLE = "idle"
    DISCONNECTING = "disconnecting"


class HazardCode(StrEnum):
    """What a change can cost."""

    MESSAGES_AT_STAKE = "messages-at-stake"
    REDECLARE_REFUSED = "redeclare-refused"
    REDECLARE_BLIND = "redeclare-blind"
    PUBLISH_RACE = "publish-race"
    PUBLISHERS_CUT = "publishers-cut"
    SETTINGS_CHANGE = "settings-change"
    CONSUMERS_CUT = "consumers-cut"
    DUPLICATES = "duplicates"
    UNFINISHED = "unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hazard:
    """One thing that a change can cost, for programs (`code`) and for people (`message`)."""

    code: HazardCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field that differs. `path` reads `arguments.x-message-ttl`; None stands for an absent field."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    noun: Noun
    org: str | None = None
    hazards: tuple[Hazard, ...] = ()
    impact: Impact | None = field(default=None, compare=False)
    """What it does to messages; None if nothing, and in a plan that has not been asked (`with_impact`)."""
    held_back: str | None = None
    """Why apply leaves it, and what would let it through; None for a change that apply makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declare(_Change):
    """An object that is absent.

    `carries_dead_letters` marks the bindings that have to stand before any message can be rejected,
    `after_replacement` those that wait for the replacement of what they lead to or from: that makes them itself,
    and what is left of them comes after all replacements. So do the policies that lead messages to such.
    """

    carries_dead_letters: bool = False
    after_replacement: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(_Change):
    """An object that changes in place: a policy. `noun` is how it will be.

    `after_replacement` marks those that lead messages to what only replacements bring.
    """

    differences: tuple[Difference, ...]
    after_replacement: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace(_Change):
    """An object that RabbitMQ cannot change in place. `noun` is how it should be.

    `replaced` tells how it was, of a queue what its name becomes, and of an exchange what it was begun for;
    `unfinished` tells of a replacement that was begun how far it is.
    """

    differences: tuple[Difference, ...]
    replaced: Replaced | ReplacedExchange | None = None
    unfinished: Unfinished | UnfinishedExchange | None = None


class WaitsFor(StrEnum):
    """What would let something go that cannot go yet. Only `TIME` ends by itself."""

    TIME = "time"
    REPLACEMENT = "replacement"
    DEAD_LETTERS_ELSEWHERE = "dead-letters-elsewhere"
    ALTERNATE_ELSEWHERE = "alternate-elsewhere"
    AMQP = "amqp"
    STREAM = "stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class Retire(_Change):
    """An object that is no longer desired and cannot go yet. A later apply finishes it."""

    reason: str
    waits_for: WaitsFor = WaitsFor.TIME


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(_Change):
    """An object that is no longer desired and can go.

    `along_with` names the queue whose deletion takes this binding with it: the way back out of a retry circuit,
    which must stand as long as the queue does.
    """

    along_with: str | None = None


Change = Declare | Update | Replace | Retire | Delete


def action_of(change: Change) -> Action:
    """The name of a change's class."""
    match change:
        case Declare():
            return Action.DECLARE
        case Update():
            return Action.UPDATE
        case Replace():
            return Action.REPLACE
        case Retire():
            return Action.RETIRE
        case Delete():
            return Action.DELETE
        case _:
            assert_never(change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that apply would do, in the order in which it would do it.

    `orgs` is empty for a plan of the whole vhost. `refused` is why apply refuses all of it, and what would let
    it through; None for a plan that it makes. `new_vhost`: it is about a vhost that is not there yet.
    """

    broker: BrokerIdentity
    vhost: str
    changes: tuple[Change, ...]
    unchanged: int
    orgs: tuple[str, ...] = ()
    refused: str | None = None
    new_vhost: bool = False

    @property
    def held_back(self) -> int:
        """How many of the changes apply would leave."""
        return sum(change.held_back is not None for change in self.changes)

    @property
    def to_do(self) -> tuple[Change, ...]:
        """The changes that an apply makes now: not held back, not merely waiting."""
        return tuple(c for c in self.changes if c.held_back is None and not isinstance(c, Retire))

    def counts(self) -> dict[Action, int]:
        """How many changes of each action there are, those held back included."""
        counted = Counter(action_of(change) for change in self.changes)
        return {action: counted[action] for action in Action}
