"""Exchanges that RabbitMQ cannot change in place: what replacing them costs, and what stands in the way."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from proca_topo.plan.changes import Difference, Hazard, HazardCode, Replace, Replacing
from proca_topo.plan.differences import differences
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.redeclaring import redeclare_hazards
from proca_topo.plan.replacing.exchange_hindrances import Hindrances
from proca_topo.topology.desired import Desired
from proca_topo.topology.exchange_holding import ReplacedExchange, UnfinishedExchange, unfinished_exchanges
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange

_NEEDS_REPLACE: Final = "it needs --replace, which declares a new one and gives it all bindings of the old"
_NEEDS_LOCK: Final = "replacing it needs the lock that --no-lock does without: leave that out"
_SOME: Final = 3


@dataclass(frozen=True, kw_only=True)
class ExchangeReplacements:
    """The exchanges that have to be replaced, or whose replacement was begun."""

    existing: Existing
    desired: Desired
    replacing: Replacing

    @cached_property
    def begun(self) -> Mapping[str, UnfinishedExchange]:
        """What was begun and not finished, by name."""
        return {one.replaced.was.name: one for one in unfinished_exchanges(self.existing) if self._is_ours(one)}

    @cached_property
    def to_begin(self) -> Mapping[str, Exchange]:
        """The exchanges that are not as they should be, as they are."""
        found = {}
        for name, exchange in self.desired.exchanges.items():
            there = self.existing.exchanges.get(name)
            if there is not None and there != exchange and name not in self.begun:
                found[name] = there
        return found

    @cached_property
    def changes(self) -> Mapping[str, Replace]:
        """The replacements by name."""
        found = {name: self._resumed(one) for name, one in self.begun.items()}
        wanted = self.desired.exchanges
        found |= {name: self._begun_now(before, wanted[name]) for name, before in self.to_begin.items()}
        return dict(sorted(found.items()))

    @cached_property
    def made_now(self) -> frozenset[str]:
        """The names of those that an apply makes."""
        return frozenset(name for name, change in self.changes.items() if change.held_back is None)

    @cached_property
    def letters_from(self) -> frozenset[str]:
        """The queues whose dead letters go to an exchange that is to be replaced, and would find none."""
        if not self.changes:
            return frozenset()
        return frozenset(queue for name in self.changes for queue in self._index.dead_lettering_to.get(name, ()))

    def moved(self) -> Iterator[Binding]:
        """The bindings that the exchanges will have once they are replaced: those of what stands in for them."""
        stands_in = {one.replaced.holding.shadow: name for name, one in self.begun.items()}
        for binding in self.existing.bindings if stands_in else ():
            if binding.source in stands_in:
                yield replace(binding, source=stands_in[binding.source])
            elif binding.destination in stands_in and binding.destination_type is DestinationType.EXCHANGE:
                yield replace(binding, destination=stands_in[binding.destination])

    def waits_for(self, binding: Binding) -> bool:
        """Whether a binding that is absent is for an exchange that is replaced first.

        The shadow has it before, so that the new exchange has never been without it; the old one may be of a type
        to which it means something else.
        """
        to_exchange = binding.destination_type is DestinationType.EXCHANGE
        return binding.source in self.made_now or (to_exchange and binding.destination in self.made_now)

    def _is_ours(self, one: UnfinishedExchange) -> bool:
        name, scope = one.replaced.was.name, self.desired.scope
        return self.desired.ownership.owns_name(name) and (scope is None or scope.covers(name))

    def _resumed(self, one: UnfinishedExchange) -> Replace:
        was = one.replaced.was
        after = one.replaced.target(one.there, self.desired.exchanges.get(was.name))
        gone = "" if one.there is not None else "; it is gone, and publishers see that"
        counted = Hazard(code=HazardCode.UNFINISHED, message=f"begun and interrupted{gone}; apply finishes it")
        before = one.there or was
        found = differences(before, after) if before != after else ()
        return Replace(
            noun=after,
            org=self.desired.org_of(after),
            differences=found,
            hazards=(counted, *(self._hazards(before, after, found) if found or one.there is None else ())),
            held_back=self._why_not_finished(one, after),
            replaced=one.replaced,
            unfinished=one,
        )

    def _why_not_finished(self, one: UnfinishedExchange, after: Exchange) -> str | None:
        if self.replacing is Replacing.FORBIDDEN:
            return _NEEDS_LOCK
        if one.there is None or one.there == after:
            return None
        return self._hindrances(one.there, after).that_may_have_come()

    def _begun_now(self, before: Exchange, after: Exchange) -> Replace:
        found = differences(before, after)
        return Replace(
            noun=after,
            org=self.desired.org_of(after),
            differences=found,
            hazards=tuple(self._hazards(before, after, found)),
            held_back=self._hindrance(before, after),
            replaced=ReplacedExchange(was=before, becomes=after),
        )

    def _hindrance(self, before: Exchange, after: Exchange) -> str | None:
        """Why a replacement is not begun, and what to do; None if it may be, as far as that can be told by now."""
        return (
            self.desired.protected.reason(after)
            or self._hindrances(before, after).lasting()
            or {Replacing.FORBIDDEN: _NEEDS_LOCK, Replacing.FINISHING: _NEEDS_REPLACE}.get(self.replacing)
            or self._hindrances(before, after).that_may_have_come()
        )

    def _hindrances(self, before: Exchange, after: Exchange) -> Hindrances:
        return Hindrances(before=before, after=after, desired=self.desired, index=self._index)

    def _hazards(self, before: Exchange, after: Exchange, found: tuple[Difference, ...]) -> Iterator[Hazard]:
        yield Hazard(
            code=HazardCode.PUBLISHERS_CUT,
            message="publishers to it may see their channel closed (404 NOT_FOUND) for some milliseconds",
        )
        bindings = len(self._index.by_source.get(before.name, ()))
        if before.type != after.type and bindings:
            one = bindings == 1
            whose = (
                "its binding is kept as it is, and then matches"
                if one
                else (f"its {bindings} bindings are kept as they are, and then match")
            )
            yield Hazard(
                code=HazardCode.SETTINGS_CHANGE,
                message=f"{whose} as in a {shown(after.type)} exchange",
            )
        letters = self._index.dead_lettering_to.get(before.name, ())
        if letters:
            more = f" and {len(letters) - _SOME} more" if len(letters) > _SOME else ""
            yield Hazard(
                code=HazardCode.PUBLISH_RACE,
                message="a dead letter that comes in the moment in which it does not exist is lost: it is only"
                f" replaced while {', '.join(map(shown, letters[:_SOME]))}{more} are empty and not consumed from",
            )
        if found:
            yield from redeclare_hazards(after, found)

    @cached_property
    def _index(self) -> ExistingIndex:
        return ExistingIndex(self.existing)
