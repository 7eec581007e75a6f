"""What the spec promises of a message: where it is published, and the queues it comes to."""

from dataclasses import dataclass
from enum import StrEnum

from proca_topo.topology.routing.matching import Message


class After(StrEnum):
    """What happens to the message before one looks where it is."""

    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteContract:
    """A message and all the queues it reaches, no others.

    Without `after` these are the queues it is in at once; with it, those in which it comes to rest
    (`proca_topo.contracts.resting`). `org` is None for what all orgs share. `place` is `file:line:column`.
    """

    exchange: str
    message: Message
    reaches: frozenset[str]
    place: str
    after: After | None = None
    name: str | None = None
    org: str | None = None
