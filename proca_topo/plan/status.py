"""What is told of the queues that are ours: which need attention, and what goes on in them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from proca_topo.topology.exchange_holding import UnfinishedExchange
from proca_topo.topology.existing import Activity, BrokerIdentity
from proca_topo.topology.holding import Unfinished


class State(StrEnum):
    """What is to be said of a queue, what needs attention most first."""

    UNATTENDED = "unattended"
    LEAVING = "leaving"
    WAITING = "waiting"
    BUSY = "busy"
    IDLE = "idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatus:
    """One queue. `circuits` are the queues in which messages may wait that come back to it.

    Of a queue that is leaving, `waits_for` says what keeps it (None: nothing does), and `routes` counts the
    bindings by which it still gets messages.
    """

    name: str
    org: str | None
    state: State
    activity: Activity
    circuits: tuple[str, ...] = ()
    waits_for: str | None = None
    routes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitStatus:
    """A queue in which messages wait to come back to others.

    `delay_milliseconds` is the longest that one waits; None where that is not known.
    """

    queue: str
    org: str | None
    activity: Activity
    delay_milliseconds: int | None
    returns_to: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacementStatus:
    """A replacement that is not finished. `held_back` is why apply would not finish it, as far as a plan tells."""

    org: str | None
    found: Unfinished
    held_back: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeStatus:
    """A replacement of an exchange that is not finished."""

    org: str | None
    found: UnfinishedExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Sums over queues. `ready` and `unacknowledged` leave out what waits in retry circuits: that is `waiting`.

    `consumers` is None where the broker does not tell.
    """

    queues: int = 0
    ready: int = 0
    unacknowledged: int = 0
    consumers: int | None = None
    waiting: int = 0

    @classmethod
    def of(cls, queues: Iterable[QueueStatus]) -> "Counts":
        """The sums over these."""
        total = ready = unacknowledged = waiting = 0
        consumers: int | None = None
        for queue in queues:
            total += 1
            activity = queue.activity
            if queue.state is State.WAITING:
                waiting += activity.messages
            else:
                ready += activity.ready
                unacknowledged += activity.unacknowledged
            if activity.consumers is not None:
                consumers = (consumers or 0) + activity.consumers
        return cls(queues=total, ready=ready, unacknowledged=unacknowledged, consumers=consumers, waiting=waiting)


@dataclass(frozen=True, kw_only=True)
class Status:
    """Everything, in the order of attention. `orgs` is empty for the whole vhost.

    `absent` are the desired queues that are not there, under their old name neither; `exchanges` those that are
    being replaced.
    """

    broker: BrokerIdentity
    vhost: str
    orgs: tuple[str, ...]
    replacements: tuple[ReplacementStatus, ...]
    queues: tuple[QueueStatus, ...]
    circuits: tuple[CircuitStatus, ...]
    absent: tuple[str, ...]
    exchanges: tuple[ExchangeStatus, ...] = ()

    @cached_property
    def counts(self) -> Counts:
        """The sums over all queues."""
        return Counts.of(self.queues)

    @cached_property
    def by_org(self) -> Mapping[str | None, Counts]:
        """The sums for what is shared (None) and for each org, by name."""
        groups: dict[str | None, list[QueueStatus]] = defaultdict(list)
        for queue in self.queues:
            groups[queue.org].append(queue)
        return {org: Counts.of(groups[org]) for org in sorted(groups, key=lambda org: (org is not None, org))}

    @property
    def held(self) -> int:
        """The messages that unfinished replacements hold."""
        return sum(one.found.messages for one in self.replacements)
