"""Reading a vhost through the management API: all of it."""

from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Final

from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.http.errors import ServerError
from proca_topo.broker.reading.facts import VhostFacts, broker_facts, facts_of_vhost
from proca_topo.broker.wire import (
    DOWN,
    Json,
    activity_from,
    binding_from,
    exchange_from,
    has_counts,
    policy_from,
    queue_from,
)
from proca_topo.errors import AccessError, BrokerError
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue, is_reserved

# Without statistics the counts are those of this moment; with columns the answer is a third smaller and quicker.
_COUNTED: Final = "disable_stats=true&enable_queue_totals=true"
_UNCOUNTED: Final = "disable_stats=true"
_COUNTS: Final = "messages,messages_ready,messages_unacknowledged"
_QUEUE_COLUMNS: Final = f"name,type,durable,auto_delete,exclusive,arguments,{_COUNTS}"
COUNT_COLUMNS: Final = f"name,type,{_COUNTS}"
"""What there is to know of a queue of which only the messages matter."""
# The list of all bindings has one of the default exchange for each queue, and that takes most of the time.
# Asking each exchange for its own leaves them out: a millisecond an exchange, half the time of a large vhost.
_ASK_EACH_UP_TO: Final = 100
_SETTLED: Final = 30_000
"""Milliseconds of uptime from which on a node's queues are all listed."""


def read_all(
    api: ManagementApi, vhost: str, pool: ThreadPoolExecutor, facts: VhostFacts | None = None
) -> Existing:
    """Everything in a vhost. Queues and bindings are listed at the same time, which takes a third less.

    `facts` are those of a moment ago, if they were asked for.
    """
    told = facts or broker_facts(api, vhost)
    queues_listed = pool.submit(_queues, api, vhost)
    policies = pool.submit(list_policies, api, vhost)
    exchanges_listed = pool.submit(_exchanges, api, vhost)
    may_leave_some_out = pool.submit(_may_leave_queues_out, api)
    # Before the answers, which tell less well that there is no such vhost.
    facts = told if isinstance(told, VhostFacts) else facts_of_vhost(api, vhost, told)
    exchanges = exchanges_listed.result()
    listed = [pool.submit(list_bindings, api, path) for path in _paths_of_bindings(vhost, exchanges)]
    bindings: dict[Binding, tuple[str, ...]] = {}
    for part in listed:
        bindings.update(part.result())
    queues, activity, exclusive = queues_listed.result()
    bound = {binding.destination for binding in bindings if binding.destination_type is DestinationType.QUEUE}
    seen = queues.keys() | exclusive
    if bound - seen or may_leave_some_out.result():
        down, uncounted, more_exclusive = _sorted_out(list_down(api, vhost, seen))
        queues, activity, exclusive = queues | down, activity | uncounted, exclusive | more_exclusive
    return Existing(
        broker=facts.broker,
        vhost=vhost,
        default_queue_type=facts.default_queue_type,
        exchanges=exchanges,
        queues=queues,
        bindings=bindings,
        policies=policies.result(),
        activity=activity,
        exclusive=exclusive,
        exchange_types=facts.exchange_types,
    )


def list_bindings(api: ManagementApi, path: str) -> dict[Binding, tuple[str, ...]]:
    """The bindings listed at a path, with RabbitMQ's own keys; those of the default exchange are left out.

    There are none where the exchange or queue that the path is about has gone meanwhile.
    """
    try:
        return bindings_from(api.find_list(path))
    except ServerError as error:
        if error.status != HTTPStatus.INTERNAL_SERVER_ERROR:
            raise
        raise _unlistable(error, api, path) from error


def _paths_of_bindings(vhost: str, exchanges: Collection[str]) -> list[str]:
    """Where to ask for all bindings of a vhost, at the least cost for the broker."""
    if len(exchanges) > _ASK_EACH_UP_TO or not is_addressable(*exchanges):
        return [path_of("bindings", vhost)]
    return [f"{path_of('exchanges', vhost, name)}/bindings/source" for name in exchanges]


def find_queue(api: ManagementApi, vhost: str, name: str) -> Json | None:
    """A queue's entry, with its counts as they are at this moment where this version of RabbitMQ can tell."""
    return api.find(f"{path_of('queues', vhost, name)}?{_COUNTED}")


def find_queue_or_down(api: ManagementApi, vhost: str, name: str) -> Json | None:
    """The same; of a queue that RabbitMQ 4.x cannot count, as of a classic one on a node that is down, without."""
    try:
        return find_queue(api, vhost, name)
    except ServerError:
        entry = api.find(f"{path_of('queues', vhost, name)}?{_UNCOUNTED}")
    return None if entry is None else {**entry, **DOWN}


def list_counted(api: ManagementApi, vhost: str, columns: str = _QUEUE_COLUMNS) -> list[Json]:
    """All queues with their counts of this moment. Up to RabbitMQ 3.x those of a node that is down have none."""
    entries = api.get_list(f"{path_of('queues', vhost)}?{_COUNTED}&columns={columns}")
    return [entry if has_counts(entry) else {**entry, **DOWN} for entry in entries]


def list_down(api: ManagementApi, vhost: str, listed: Collection[str]) -> list[Json]:
    """The queues that a listing with counts left out: RabbitMQ 4.x does so with those of a node that is down or
    has just begun to listen.

    `listed` are the names in that one. They are found in a listing without counts.
    """
    entries = api.get_list(f"{path_of('queues', vhost)}?{_UNCOUNTED}&columns={_QUEUE_COLUMNS}")
    return [{**entry, **DOWN} for entry in entries if entry.get("name") not in listed]


def hides_queues(api: ManagementApi, facts: VhostFacts) -> bool:
    """Whether a single queue that is not found may still be there: up to RabbitMQ 3.x, on a node that is down.

    The list of all queues has it.
    """
    return facts.broker.hides_what_is_down and _is_a_node_down(api)


def _is_a_node_down(api: ManagementApi) -> bool:
    """Whether any node of the cluster is, as far as the user may know."""
    return not all(node.get("running") for node in _nodes(api) or ())


def _may_leave_queues_out(api: ManagementApi) -> bool:
    """Whether a listing with counts may lack queues, since a node is down, or was when it was asked.

    RabbitMQ 4.x begins to listen some 0.5 s before it takes itself for a running node, and says at once that it
    is one. Its uptime it tells only 5 s after that.
    """
    nodes = _nodes(api)
    return nodes is None or not all(n.get("running") and n.get("uptime", 0) >= _SETTLED for n in nodes)


def _nodes(api: ManagementApi) -> list[Json] | None:
    """The nodes of the cluster; None for a user who may not ask for them (tag monitoring)."""
    try:
        return api.get_list("/nodes?columns=running,uptime")
    except AccessError:
        return None


def list_policies(api: ManagementApi, vhost: str) -> dict[str, Policy]:
    """All policies of a vhost."""
    return {policy.name: policy for policy in map(policy_from, api.get_list(path_of("policies", vhost)))}


def bindings_from(entries: Iterable[Json]) -> dict[Binding, tuple[str, ...]]:
    """The bindings in a listing's entries, with all keys of each."""
    found: dict[Binding, tuple[str, ...]] = {}
    for entry in entries:
        if entry.get("source") == "":
            continue
        binding = binding_from(entry)
        key = entry.get("properties_key")
        if isinstance(key, str):
            found[binding] = (*found.get(binding, ()), key)
        else:
            found.setdefault(binding, ())
    return found


def is_left_out(entry: Json) -> bool:
    """Whether a listed queue is none of our business: exclusive to a connection, or named by the server."""
    return entry.get("exclusive") is True or is_reserved(str(entry.get("name", "")))


def _queues(api: ManagementApi, vhost: str) -> tuple[dict[str, Queue], dict[str, Activity], frozenset[str]]:
    return _sorted_out(list_counted(api, vhost))


def _sorted_out(entries: Iterable[Json]) -> tuple[dict[str, Queue], dict[str, Activity], frozenset[str]]:
    queues = {}
    activity = {}
    left_out = set()
    for entry in entries:
        if is_left_out(entry):
            left_out.add(str(entry.get("name")))
            continue
        queue = queue_from(entry)
        queues[queue.name] = queue
        activity[queue.name] = activity_from(entry)
    return queues, activity, frozenset(left_out)


def _exchanges(api: ManagementApi, vhost: str) -> dict[str, Exchange]:
    entries = api.get_list(f"{path_of('exchanges', vhost)}?disable_stats=true")
    return {entry["name"]: exchange_from(entry) for entry in entries if entry.get("name")}


def _unlistable(error: ServerError, api: ManagementApi, path: str) -> BrokerError:
    return BrokerError(
        f"{api.address.location} answers GET {path} with {error.status} again and again, so the bindings cannot be"
        " read. A binding whose routing key contains '~' and which has arguments does that: remove it over AMQP"
        " (queue.unbind or exchange.unbind with the same key and arguments), or delete its queue"
    )
