"""Which keys of a policy each type of queue knows. One that it does not know keeps the whole policy from it.

RabbitMQ then goes on to the policy of the next lower priority, as if this one did not match (measured on 3.10, 4.0
and 4.3). On exchanges every key is allowed.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from proca_topo.topology.nouns import CLASSIC, QUORUM, STREAM

_OF_STREAMS: Final = frozenset({"initial-cluster-size", "max-age", "stream-max-segment-size-bytes"})
_OF_QUORUM_QUEUES: Final = frozenset({"dead-letter-strategy", "delivery-limit", "target-group-size"})
_OF_CLASSIC_QUEUES: Final = frozenset(
    {
        "ha-mode",
        "ha-params",
        "ha-promote-on-failure",
        "ha-promote-on-shutdown",
        "ha-sync-batch-size",
        "ha-sync-mode",
        "queue-master-locator",
        "queue-mode",
    }
)
_OF_MIRRORS: Final = frozenset(key for key in _OF_CLASSIC_QUEUES if key.startswith("ha-"))
_FIRST_WITHOUT_MIRRORS: Final = 4
_NOT_OF_STREAMS: Final = frozenset(
    {
        "dead-letter-exchange",
        "dead-letter-routing-key",
        "expires",
        "max-in-memory-bytes",
        "max-in-memory-length",
        "max-length",
        "message-ttl",
        "overflow",
    }
)

UNKNOWN_KEYS: Final[Mapping[str, frozenset[str]]] = {
    CLASSIC: _OF_STREAMS | _OF_QUORUM_QUEUES,
    QUORUM: _OF_STREAMS | _OF_CLASSIC_QUEUES,
    STREAM: _OF_QUORUM_QUEUES | _OF_CLASSIC_QUEUES | _NOT_OF_STREAMS,
}
"""By the type of a queue: the keys that no version knows for it."""

# 3.10 knows the first for quorum queues and streams, and the others for classic queues; 4.x has it the other way.
_DIFFERENT_BY_VERSION: Final[Mapping[str, frozenset[str]]] = {
    CLASSIC: frozenset({"queue-leader-locator", "max-in-memory-bytes", "max-in-memory-length"}),
}


def unknown_keys(queue_type: str | None, keys: Iterable[str]) -> frozenset[str]:
    """Those of a policy's keys that keep it from every queue of this type."""
    return UNKNOWN_KEYS.get(queue_type or "", frozenset()).intersection(keys)


def depends_on_version(queue_type: str | None, keys: Iterable[str]) -> bool:
    """Whether it depends on RabbitMQ's version if a policy with these keys is for queues of this type."""
    return not _DIFFERENT_BY_VERSION.get(queue_type or "", frozenset()).isdisjoint(keys)


def why_refused(keys: Iterable[str], major_version: int) -> str | None:
    """Why RabbitMQ of this version takes no policy with these keys, and what to do; None if it may take one.

    Versions from 4.0 on refuse what was for mirrored queues (measured on 4.0 and 4.3).
    """
    gone = sorted(_OF_MIRRORS.intersection(keys)) if major_version >= _FIRST_WITHOUT_MIRRORS else []
    if not gone:
        return None
    return (
        f"RabbitMQ {major_version} knows no {' and no '.join(gone)}, since it mirrors no classic queues any more:"
        " take that out of the spec, and make those queues quorum queues that are to outlive a node"
    )
