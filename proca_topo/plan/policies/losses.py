"""What waits in a queue, and would be lost with another policy in force on it."""

from collections.abc import Collection
from typing import Final

from proca_topo.plan.messages.busy import messages
from proca_topo.topology.catch_all import takes_any_key
from proca_topo.topology.existing import Activity
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Policy, Queue
from proca_topo.topology.policies_in_force import DeadLetters, dead_letters, keeps_dead_letters
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import DEFAULT_EXCHANGE, Routes

LIMITS: Final = frozenset({"expires", "max-age", "max-length", "max-length-bytes"})
"""The keys that drop what waits, or may."""


def why_lost(
    queue: Queue, before: Collection[Policy | None], after: Policy | None, here: Activity, routes: Routes
) -> str | None:
    """What would be lost of what is `here` with `after` in force instead of one of `before`; None is no policy.

    `expires` deletes a queue that nobody uses, with what is in it, `max-age` what is old in a stream. A shorter
    `max-length` drops from the head of a queue at the moment in which the policy is set, and what is
    unacknowledged as soon as it comes back (measured); a smaller `max-length-bytes` may. A policy's TTL does not
    reach messages that are already in a queue (measured). Without its dead-letter exchange, or where nothing takes
    them, a queue drops what expires or is rejected; without the strategy at-least-once, at once what it keeps of
    that (measured).
    """
    if here.counted and not here.messages:
        return None
    name = shown(queue.name)
    amount = messages(here.messages) if here.counted else "uncounted messages"
    if (
        here.dead
        and any(keeps_dead_letters(queue, one) for one in before)
        and not keeps_dead_letters(queue, after)
    ):
        return f"{here.dead} dead letters that {name} keeps would be dropped"
    way, ways = dead_letters(queue, after), [dead_letters(queue, policy) for policy in before]
    if way is None and any(ways):
        return f"{amount} in {name} would be dropped, not dead-lettered, when they expire"
    if way is not None and way not in ways and _loses_way_on(way, ways, routes):
        to = shown(way.exchange or way.routing_key or "")
        return f"{amount} in {name} would be dropped when they expire, where {to} has no way on for them"
    return None if after is None else _over_limit(name, before, after, here, amount)


def _over_limit(
    name: str, before: Collection[Policy | None], after: Policy, here: Activity, amount: str
) -> str | None:
    for key in ("expires", "max-age"):
        if key in after.definition:
            return f"{key} may delete {amount} in {name}"
    limit, waiting = after.definition.get("max-length"), here.ready + here.unacknowledged
    if isinstance(limit, int) and limit < waiting:
        held = f", {here.unacknowledged} of them unacknowledged" if here.unacknowledged else ""
        return f"max-length {limit} would drop {waiting - limit} of {messages(waiting)} in {name}{held}"
    size = after.definition.get("max-length-bytes")
    if isinstance(size, int) and (waiting or not here.counted):
        sizes = [None if one is None else one.definition.get("max-length-bytes") for one in before]
        if any(not isinstance(now, int) or size < now for now in sizes):
            return f"max-length-bytes {size} may drop some of {amount} in {name}"
    return None


def _loses_way_on(way: DeadLetters, before: Collection[DeadLetters | None], routes: Routes) -> bool:
    """Whether dead letters that have a way on now may have none by the new way."""
    leading = [one for one in before if one is not None and _leads_on(one, routes)]
    if not leading:
        return False
    if way.routing_key is None and any(one.routing_key is not None for one in leading):
        # They came with any keys, and with the one that they get now they all find their way.
        return not _takes_any_key(way.exchange, routes)
    return not _leads_on(way, routes)


def _leads_on(way: DeadLetters, routes: Routes) -> bool:
    """Whether dead letters find a way on; some of them, where they keep the keys that they came with."""
    if way.routing_key is not None:
        reached = routes.reached(
            way.exchange, Message(routing_key=way.routing_key, any_headers=True, is_dead=True)
        )
        return bool(reached.queues or reached.unknown)
    is_bound = way.exchange == DEFAULT_EXCHANGE or bool(routes.bindings_from(way.exchange))
    return is_bound or _has_alternate(way.exchange, routes)


def _takes_any_key(name: str, routes: Routes) -> bool:
    exchange = routes.exchanges.get(name)
    catches = exchange is not None and takes_any_key(exchange, routes.bindings_from(name))
    return catches or _has_alternate(name, routes)


def _has_alternate(name: str, routes: Routes) -> bool:
    exchange = routes.exchanges.get(name)
    return exchange is not None and bool(routes.policies.alternates(exchange))
