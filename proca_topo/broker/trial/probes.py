"""Messages that show where messages go."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from proca_topo.topology.routing.matching import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One message, and the exchange that it is published to."""

    exchange: str
    message: Message


class Arrival(NamedTuple):
    """A probe, by its id, that came to a queue."""

    probe: str
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Probes that are published together, by their ids, and what happens to them.

    They are consumed from the queues in `consumed` (`streams` are those of them that are streams), and nobody
    consumes from those in `left_alone`, out of which they go by themselves. If `rejects`, a probe is rejected the
    first time that it is delivered, and has not arrived then.
    """

    probes: Mapping[str, Probe]
    consumed: Collection[str]
    streams: frozenset[str] = frozenset()
    left_alone: Collection[str] = ()
    rejects: bool = False
