"""What waits in a queue, and would be lost with another policy in force on it."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from proca_topo.plan.messages.busy import messages
from proca_topo.topology.catch_all import takes_any_key
from proca_topo.topology.existing import Activity
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import QUORUM, STREAM, Policy, Queue
from proca_topo.topology.policies_in_force import (
    DeadLetters,
    dead_letters,
    keeps_dead_letters,
    keeps_what_waits,
    lowest_limit,
)
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import DEFAULT_EXCHANGE, Routes

LIMITS: Final = frozenset({"expires", "max-age", "max-length", "max-length-bytes"})
"""The keys that drop what waits, or may."""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """What would be lost, and what to do about it."""

    what: str
    remedy: str


_OVER_LIMIT: Final = "let the queue drain, or raise the limit"
_OVERFLOW_FIRST: Final = "let the queue drain, or set the overflow first and the limit once that is applied"
# Nothing is taken out of it by who reads it, and no other limit makes it certain.
_OLD_IN_STREAM: Final = "if what is in the stream may go, set the policy with `rabbitmqctl set_policy`"


def why_lost(
    queue: Queue, before: Collection[Policy | None], after: Policy | None, here: Activity, routes: Routes
) -> Loss | None:
    """What would be lost of what is `here` with `after` in force instead of one of `before`; None is no policy.

    A policy's TTL does not reach messages that are already in a queue (measured). Without its dead-letter
    exchange, or where nothing takes them, a queue drops what expires or is rejected; without the strategy
    at-least-once, at once what it keeps of that (measured).
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
        what = f"{here.dead} dead letters that {name} keeps would be dropped"
        return Loss(what=what, remedy="give them a way on, and wait until they have left")
    way, ways = dead_letters(queue, after), [dead_letters(queue, policy) for policy in before]
    if way is None and any(ways):
        what = f"{amount} in {name} would be dropped, not dead-lettered, when they expire"
        return Loss(what=what, remedy="let the queue drain, or keep a dead-letter exchange for it")
    if way is not None and way not in ways and _loses_way_on(way, ways, routes):
        to = (
            f"{shown(way.exchange)} has no way on for them"
            if way.exchange
            else "no queue has their key as its name"
        )
        what = f"{amount} in {name} would be dropped when they expire, since {to}"
        return Loss(what=what, remedy="let the queue drain, or have a queue bound that takes them")
    return _over_limit(queue, before, after, here, amount)


def _over_limit(
    queue: Queue, before: Collection[Policy | None], after: Policy | None, here: Activity, amount: str
) -> Loss | None:
    """What a limit drops that is new or lower. What one costs that stays, it costs in any case.

    `expires` deletes a queue that nobody uses, with what is in it, `max-age` what is old in a stream.
    """
    name = shown(queue.name)
    expires = lowest_limit("expires", queue, after)
    if any(_is_narrower(expires, lowest_limit("expires", queue, one)) for one in before):
        return Loss(what=f"expires may delete {amount} in {name}", remedy=_OVER_LIMIT)
    ages = [None if one is None else one.definition.get("max-age") for one in (after, *before)]
    if ages[0] is not None and any(age != ages[0] for age in ages):
        return Loss(what=f"max-age may delete {amount} in {name}", remedy=_OLD_IN_STREAM)
    if _drops_nothing(queue, before, after):
        return None
    waiting = here.ready + here.unacknowledged
    limit = _newly_dropping("max-length", queue, before, after)
    if limit is not None and limit < waiting:
        held = f", {here.unacknowledged} of them unacknowledged" if here.unacknowledged else ""
        what = f"max-length {limit} would drop {waiting - limit} of {messages(waiting)} in {name}{held}"
        return Loss(what=what, remedy=_OVERFLOW_FIRST if keeps_what_waits(queue, after) else _OVER_LIMIT)
    for key in ("max-length", "max-length-bytes") if not here.counted else ("max-length-bytes",):
        limit = _newly_dropping(key, queue, before, after)
        if limit is not None and (waiting or not here.counted):
            remedy = _OLD_IN_STREAM if queue.type == STREAM else _OVER_LIMIT
            return Loss(what=f"{key} {limit} may drop some of {amount} in {name}", remedy=remedy)
    return None


def _drops_nothing(queue: Queue, before: Collection[Policy | None], after: Policy | None) -> bool:
    """Whether the queue keeps what is in it, whatever the limit.

    A lower limit drops from the head at the moment in which the policy is set, and what is unacknowledged as soon
    as it comes back. With `overflow: reject-publish` nothing is dropped; a classic queue looks at the new limit
    before it looks at the new overflow (all measured on 3.10 and 4.3).
    """
    policies = (after,) if queue.type == QUORUM else (after, *before)
    return all(keeps_what_waits(queue, one) for one in policies)


def _newly_dropping(key: str, queue: Queue, before: Collection[Policy | None], after: Policy | None) -> int | None:
    """The limit with `after`, if it may drop what did not go by what is in force now."""
    limit = lowest_limit(key, queue, after)
    any_new = any(
        keeps_what_waits(queue, one) or _is_narrower(limit, lowest_limit(key, queue, one)) for one in before
    )
    return limit if any_new else None


def _is_narrower(limit: int | None, before: int | None) -> bool:
    return limit is not None and (before is None or limit < before)


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
