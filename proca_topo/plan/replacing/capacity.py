"""How much a queue keeps of what is moved into it, by its arguments and by the policies that may be in force."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from proca_topo.plan.messages.busy import messages
from proca_topo.topology.holding import InForce
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import CLASSIC, QUORUM, STREAM, Policy, Queue
from proca_topo.topology.policies_in_force import dead_letters, time_to_live

MAKE_ROOM: Final = "let its consumers make room, or delete it if nothing in it is needed, and apply again"
"""The remedy where it does not fit into a queue that is there already."""

_MOVABLE: Final = frozenset({CLASSIC, QUORUM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """The limits of one queue: the lowest that may be in force, None where there is none.

    `size` is in bytes, `expires` is after how many milliseconds RabbitMQ deletes it, with all that is in it, if
    nobody consumes, `drops` after how many it drops a message that no dead-letter exchange takes for certain, if
    it has waited, and `drops_arrived`, if it has arrived while the queue was replaced.
    """

    length: int | None
    size: int | None
    expires: int | None
    drops: int | None = None
    drops_arrived: int | None = None

    def compared_with(self, before: "Capacity | InForce", *, same_type: bool) -> "Capacity":
        """The same, without the limits in bytes and in time that are no narrower than those that the queue in
        which the messages are has for certain: what they cost they cost there. Types count bytes differently.
        """
        longer = replace(
            self,
            drops=None if _is_no_less(self.drops, before.drops) else self.drops,
            drops_arrived=None if _is_no_less(self.drops_arrived, before.drops_arrived) else self.drops_arrived,
        )
        if not same_type:
            return longer
        return replace(
            longer,
            size=None if _is_no_less(self.size, before.size) else self.size,
            expires=None if _is_no_less(self.expires, before.expires) else self.expires,
        )

    @property
    def is_limited(self) -> bool:
        """Whether it matters how much comes into it."""
        return (self.length, self.size, self.expires) != (None, None, None)

    def why_dropped(self, waited: int, arrived: int = 0, *, where: str) -> str | None:
        """Why so many messages, which are `where` ("in it") now, would not wait on; None if they would."""
        drops = ((self.drops, waited), (self.drops_arrived, arrived))
        dropped = [(limit, count) for limit, count in drops if limit is not None and count]
        if not dropped:
            return None
        what = f"{messages(sum(count for _, count in dropped))} {where}"
        return f"the message-ttl {dropped[0][0]} would drop {what}, which no dead-letter exchange takes"

    def why_not_kept(self, waited: int, count: int, *, where: str) -> str | None:
        """Why it would not keep so many messages, of which so many have `waited`; None if it would."""
        return self.why_dropped(waited, where=where) or self.why_too_small(count, where=where)

    def why_too_small_for(self, size: int, *, where: str) -> str | None:
        """Why it would not keep so many bytes, which takes a look at the messages; None if it would."""
        if self.size is None or size <= self.size:
            return None
        return f"{size} bytes {where} are more than the max-length-bytes {self.size} allows"

    def why_full(self, count: int) -> str | None:
        """Why nothing that arrives meanwhile would fit, with so many messages in it; None if it would."""
        if self.length is None or count < self.length:
            return None
        return (
            f"it is full, with {messages(count)} and the max-length {self.length}, so that what arrives meanwhile"
            " would not fit: let it drain, or raise that limit"
        )

    def why_too_small(self, count: int, *, where: str) -> str | None:
        """Why it would not keep so many messages, which are `where` ("in it") now; None if it would."""
        if self.length is not None and count > self.length:
            are = "is" if count == 1 else "are"
            return f"{messages(count)} {where} {are} more than the max-length {self.length} allows"
        if self.expires is not None and count:
            return f"expires would delete it with the {messages(count)} {where} if nobody consumes"
        return None


def capacity_of(queue: Queue, possible: Iterable[Policy | None], limiting: Collection[Policy] = ()) -> Capacity:
    """The capacity of a queue on which one of these policies is in force, or none if None is among the possible.

    Of those of the operator, which are `limiting` it besides, several may be.
    """
    possible = tuple(possible)
    dropping = [policy for policy in possible if dead_letters(queue, policy) is None]

    def lowest(setting: str, policies: Iterable[Policy | None] = possible) -> int | None:
        return min(limits_of(queue, setting, (*filter(None, policies), *limiting)), default=None)

    drops = lowest("message-ttl", dropping) if dropping else None
    return Capacity(
        length=lowest("max-length"),
        size=lowest("max-length-bytes"),
        expires=lowest("expires"),
        drops=drops,
        drops_arrived=drops,
    )


def capacity_before(queue: Queue, in_force: Policy | None, limiting: Collection[Policy] = ()) -> Capacity:
    """The capacity of a queue for what waits in it, with the policies that are certain to be in force.

    A policy's time to live is not certain: it spares what was there before the policy (measured on 3.10 and 4.3).
    """
    capacity = capacity_of(queue, (in_force,), limiting)
    return replace(capacity, drops=None if capacity.drops is None else time_to_live(queue, None))


def _is_no_less(limit: int | None, before: int | None) -> bool:
    return limit is not None and before is not None and before <= limit


def limits_of(queue: Queue, setting: str, candidates: Iterable[Policy]) -> list[int]:
    """What a setting (`max-length`) may be in a queue, by argument and by policy. The lowest is in force."""
    limits = [queue.arguments.get(f"x-{setting}")]
    limits += [policy.definition.get(setting) for policy in candidates]
    return [limit for limit in limits if isinstance(limit, int)]


def why_impossible(before: Queue, after: Queue) -> str | None:
    """Why messages cannot be moved from one queue to the other, whatever is in them; None if they can."""
    if STREAM in (before.type, after.type):
        return (
            "what is in a stream cannot be moved to another queue, nor back: declare another one, and move by hand"
        )
    if before.auto_delete or after.auto_delete:
        return "an auto-delete queue goes with its last consumer: end its consumers, and it is declared anew"
    if not {before.type, after.type} <= _MOVABLE:
        return f"only classic and quorum queues can be replaced, not {shown(str(before.type))}"
    if {".", ".."} & {before.name, after.name}:
        return "the management API cannot be asked for a queue of this name"
    return None


def why_not_into(there: Queue, wanted: Queue) -> str | None:
    """Why nothing is moved into a queue that has the new name already; None if it is the wanted one."""
    if wanted.is_like(there, CLASSIC):
        return None
    return (
        f"{shown(there.name)} is there already and is not as the spec wants it: take renamed_from out until it has"
        " been replaced itself, or delete it"
    )
