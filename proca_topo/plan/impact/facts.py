"""What a change does to messages, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

_LISTED: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteImpact:
    """A message whose way changes, and the queues that it reaches at once, before and after.

    A wildcard as a word of `key` stands for any word that no binding names. None is for an exchange that does not
    look at keys; `headers` are what an exchange that `looks_at_headers` finds, and no others.
    """

    exchange: str
    key: str | None
    headers: Mapping[str, Any] = field(default_factory=dict)
    looks_at_headers: bool = False
    before: tuple[str, ...]
    after: tuple[str, ...]

    @property
    def gained(self) -> tuple[str, ...]:
        """The queues that it did not reach before."""
        return tuple(name for name in self.after if name not in self.before)

    @property
    def lost(self) -> tuple[str, ...]:
        """The queues that it does not reach any more."""
        return tuple(name for name in self.before if name not in self.after)


class Leaving(StrEnum):
    """Messages that go somewhere else than to whom they were sent."""

    DEAD_LETTERS = "dead-letters"
    UNROUTED = "unrouted"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeavingImpact:
    """A queue whose dead letters go elsewhere, or an exchange whose unrouted messages do.

    `before` and `after` are the queues that they reach, or `exchange NAME` where nobody can know their keys; empty
    where they are dropped.
    """

    leaving: Leaving
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Everything that a change does to messages; of many only the first are listed, and all counted.

    What a plan for single orgs did not read is in no list: `is_partial` says that messages may reach more.
    `unknown_type` is the type of an exchange that decides by itself, so that nobody can know.
    """

    routes: tuple[RouteImpact, ...] = ()
    route_count: int = 0
    leaving: tuple[LeavingImpact, ...] = ()
    leaving_count: int = 0
    unknown_type: str | None = None
    is_partial: bool = False

    @classmethod
    def of(
        cls,
        *,
        routes: Sequence[RouteImpact] = (),
        leaving: Sequence[LeavingImpact] = (),
        unknown_type: str | None = None,
        is_partial: bool = False,
    ) -> Self | None:
        """The impact that these make; None if there is none."""
        if not routes and not leaving and unknown_type is None:
            return None
        # What reaches nothing any more is never among those that are left out.
        return cls(
            routes=tuple(sorted(routes, key=lambda one: bool(one.after))[:_LISTED]),
            route_count=len(routes),
            leaving=tuple(sorted(leaving, key=lambda one: bool(one.after))[:_LISTED]),
            leaving_count=len(leaving),
            unknown_type=unknown_type,
            is_partial=is_partial,
        )
