"""What is going on in a few queues at this moment."""

import logging
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.reading.listing import COUNT_COLUMNS, find_queue_or_down, list_counted, list_down
from proca_topo.broker.wire import Json, activity_from, has_counts
from proca_topo.errors import BrokerError
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import STREAM

if TYPE_CHECKING:
    from proca_topo.broker.amqp.client import QueueCounts

_logger: Final = logging.getLogger("proca_topo.broker")

# One queue takes 1 ms, a listing of 15,000 queues a second.
_LIST_FROM: Final = 500


def look(
    api: ManagementApi, vhost: str, queues: Collection[str], pool: ThreadPoolExecutor
) -> Mapping[str, Activity]:
    """The messages and consumers of these queues. See `ManagementBroker.look`."""
    if not queues:
        return {}
    entries = _entries(api, vhost, frozenset(queues), pool)
    counted = {name: activity_from(entry) for name, entry in entries.items()}
    streams = [name for name, entry in entries.items() if _is_stream(entry)]
    return _with_consumers(api, vhost, counted | _streams(api, vhost, streams, pool))


def _entries(api: ManagementApi, vhost: str, names: frozenset[str], pool: ThreadPoolExecutor) -> dict[str, Json]:
    if len(names) <= _LIST_FROM and is_addressable(*names):
        asked = zip(names, pool.map(lambda name: find_queue_or_down(api, vhost, name), names), strict=True)
        found = {name: entry for name, entry in asked if entry is not None}
        if all(map(has_counts, found.values())):
            return found
    # RabbitMQ 3.10 counts at once only in its listing of all queues.
    listing = list_counted(api, vhost, COUNT_COLUMNS)
    found = {entry["name"]: entry for entry in listing if entry.get("name") in names}
    if names - found.keys():
        down = list_down(api, vhost, found.keys())
        found |= {entry["name"]: entry for entry in down if entry.get("name") in names}
    return found


def _streams(
    api: ManagementApi, vhost: str, names: Collection[str], pool: ThreadPoolExecutor
) -> dict[str, Activity]:
    """The statistics of streams, up to 5 s old: only there are their messages and consumers told."""
    asked = sorted(name for name in names if is_addressable(name))
    entries = zip(asked, pool.map(lambda name: api.find(path_of("queues", vhost, name)), asked), strict=True)
    return {name: activity_from(entry) for name, entry in entries if entry is not None}


def _is_stream(entry: Json) -> bool:
    return bool(entry.get("type") == STREAM)


def _with_consumers(api: ManagementApi, vhost: str, counted: dict[str, Activity]) -> dict[str, Activity]:
    from proca_topo.broker.amqp.client import queue_counts

    try:
        # RabbitMQ 4.x takes minutes to answer for a queue on a node that is down.
        counts = queue_counts(api.address, vhost, [name for name in counted if counted[name].counted])
    except BrokerError as error:
        _logger.info("no consumers are counted: %s", error)
        return counted
    return {
        name: _both(activity, counts[name]) if name in counts else activity for name, activity in counted.items()
    }


def _both(activity: Activity, counts: "QueueCounts | None") -> Activity:
    if counts is None:
        return replace(activity, consumers=None, counted=False)
    # The broker counts the messages of quorum queues for its API every 5 s only, for AMQP at once. Each of the two
    # may have seen a message that the other missed: the larger is the safe one.
    ready = max(activity.ready, counts.ready)
    return replace(activity, ready=ready, consumers=max(activity.consumers or 0, counts.consumers))
