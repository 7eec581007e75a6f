"""One exchange replaced by another: observe, decide, do a step, and again, until nothing is left to do."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from proca_topo.apply.replacing import boundary
from proca_topo.apply.replacing.changing import declare, delete
from proca_topo.apply.replacing.exchange_checks import check_exchange, check_letters
from proca_topo.apply.replacing.exchange_steps import (
    EXCHANGE_PROTOCOL,
    Bindings,
    ExchangeRule,
    ExchangeSituation,
    ExchangeStep,
    next_exchange_step,
)
from proca_topo.apply.replacing.loop import until_done
from proca_topo.apply.replacing.trials import HinderedError, check_anew
from proca_topo.apply.watch import Watcher
from proca_topo.broker.protocol import Around, Broker, Mover, Swap
from proca_topo.errors import AccessError
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.catch_all import catch_all
from proca_topo.topology.exchange_holding import ALTERNATE, ExchangeHolding, ReplacedExchange
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun, Policy, is_for_our_use


@dataclass(frozen=True, kw_only=True)
class ExchangeReplacement:
    """The replacement of one exchange. `existing` is the vhost as it was read last.

    `wanted` is what the spec wants of it, None if that is nothing, and `bindings` those of the spec that it is to
    have and does not have yet. Told what to do by `next_exchange_step` alone, so that it does not matter who
    began it.
    """

    replaced: ReplacedExchange
    wanted: Exchange | None
    bindings: Collection[Binding]
    existing: Existing
    broker: Broker
    mover: Mover
    watch: Watcher
    protocol: Sequence[ExchangeRule] = EXCHANGE_PROTOCOL

    def run(self) -> None:
        """Begin it or go on, to the end. Raises HinderedError if it was not begun, and BrokerError where it stops.

        Wherever it stops, it can be run again.
        """
        try:
            around = self._look()
        except AccessError as error:
            if self._holding.shadow in self.existing.exchanges:
                raise
            raise HinderedError(str(error)) from error
        if not self._is_begun(around):
            there = around.existing.exchanges.get(self._name)
            if there is None:
                raise HinderedError("it is gone by now")
            if there == self.wanted:
                return
            check_exchange(self.replaced, self._policy(around), around, self.broker, self.mover)
            self._do(ExchangeStep.DECLARE_SHADOW, around)
            around = self._look()
        until_done(
            around,
            look=self._look,
            decide=lambda seen: next_exchange_step(self._situation(seen), self.protocol),
            do=self._do,
        )

    @property
    def _name(self) -> str:
        return self.replaced.was.name

    @property
    def _holding(self) -> ExchangeHolding:
        return self.replaced.holding

    def _look(self) -> Around:
        return self.mover.around([self._name, self._holding.shadow], self._holding.catching)

    def _is_begun(self, around: Around) -> bool:
        return self._holding.shadow in around.existing.exchanges or bool(around.existing.policies)

    def _target(self, around: Around) -> Exchange:
        return self.replaced.target(around.existing.exchanges.get(self._name), self.wanted)

    def _situation(self, around: Around) -> ExchangeSituation:
        exchanges, bindings = around.existing.exchanges, around.existing.bindings
        shadow, there, target = self._holding.shadow, exchanges.get(self._name), self._target(around)
        has_policy = self._holding.catching in around.existing.policies
        alternates = self._alternates
        own = [b for b in bindings if b.source == self._name and not _leads_to(b, shadow)]
        doubled = self._as_its_own(b for b in bindings if b.source == shadow)
        between = {b for b in bindings if _leads_to(b, shadow) and b.source in {self._name, *alternates}}
        incoming = frozenset(b for b in bindings if _leads_to(b, self._name) and b.source != shadow)
        return ExchangeSituation(
            shadow=shadow in exchanges,
            there=there is not None,
            is_target=there == target,
            catching=has_policy and (there is None or around.in_force.get(self._name) == self._holding.catching),
            has_policy=has_policy,
            outgoing=frozenset(own),
            incoming=incoming,
            shadow_outgoing=doubled,
            shadow_incoming=self._as_its_own(b for b in bindings if _leads_to(b, shadow) and b not in between),
            wanted=frozenset(b for b in self.bindings if b.source == self._name),
            catch=frozenset(b for b in between if b.source == self._name),
            catch_needed=catch_all(target, shadow, doubled),
            alternates=frozenset(b for b in between if b.source != self._name),
            alternates_needed=self._of_alternates(doubled),
        )

    @property
    def _alternates(self) -> frozenset[str]:
        """What is its alternate by argument, before or after: over that no policy can be in force."""
        found = {self.replaced.was.alternate_exchange, self.replaced.becomes.alternate_exchange}
        return frozenset(name for name in found if name is not None and name in self.existing.exchanges)

    def _of_alternates(self, bindings: Bindings) -> Bindings:
        found = [self.existing.exchanges[name] for name in self._alternates]
        return frozenset(b for one in found for b in catch_all(one, self._holding.shadow, bindings))

    def _as_its_own(self, bindings: Iterable[Binding]) -> Bindings:
        """The shadow's bindings as the exchange would have them."""
        return frozenset(_renamed(binding, self._holding.shadow, self._name) for binding in bindings)

    def _as_the_shadows(self, bindings: Iterable[Binding]) -> list[Noun]:
        return [_renamed(binding, self._name, self._holding.shadow) for binding in bindings]

    def _do(self, step: ExchangeStep, around: Around) -> None:  # noqa: C901, PLR0912 - a table
        boundary.reached(step.name)
        self.watch.stage(f"{shown(self._name)}: {step}", 0)
        seen = self._situation(around)
        existing, target = around.existing, self._target(around)
        match step:
            case ExchangeStep.DECLARE_SHADOW:
                self._declare([self.replaced.shadow(self._alternate(around))])
            case ExchangeStep.COPY_OUTGOING:
                check_anew(seen.uncopied)
                self._declare(self._as_the_shadows(seen.uncopied))
            case ExchangeStep.COPY_INCOMING:
                check_anew(seen.incoming)
                self._declare(self._as_the_shadows(seen.incoming - seen.shadow_incoming))
            case ExchangeStep.SET_CATCHING:
                self._declare([self._policy(around)])
            case ExchangeStep.BIND_ALTERNATES:
                self._declare([*(seen.alternates_needed - seen.alternates)])
            case ExchangeStep.SWAP:
                self._swap(existing.exchanges[self._name], target, seen)
            case ExchangeStep.DECLARE:
                self._declare([target])
            case ExchangeStep.BIND_CATCH:
                self._declare([*(seen.catch_needed - seen.catch)])
            case ExchangeStep.UNBIND_ALTERNATES:
                self._delete([*seen.alternates], existing)
            case ExchangeStep.RESTORE_OUTGOING:
                self._declare([*seen.missing])
            case ExchangeStep.RESTORE_INCOMING:
                self._declare([*(seen.shadow_incoming - seen.incoming)])
            case ExchangeStep.UNBIND_CATCH:
                self._delete([*seen.catch], existing)
            case ExchangeStep.UNBIND_SHADOW:
                self._delete(self._as_the_shadows(seen.shadow_incoming), existing)
            case ExchangeStep.UNSET_CATCHING:
                self._delete([existing.policies[self._holding.catching]], existing)
            case ExchangeStep.EMPTY_SHADOW:
                self._delete(self._as_the_shadows(seen.shadow_outgoing), existing)
            case ExchangeStep.DELETE_SHADOW:
                self._delete([existing.exchanges[self._holding.shadow]], existing)
            case _:
                assert_never(step)

    def _swap(self, before: Exchange, after: Exchange, seen: ExchangeSituation) -> None:
        check_letters(before, self.existing, self.broker)
        self.watch.advance(0)  # whoever has lost the lock by now goes no further
        self.mover.swap(Swap(before=before, after=after, then_bind=tuple(seen.catch_needed)))

    def _policy(self, around: Around) -> Policy:
        policies = [one for name, one in self.existing.policies.items() if not is_for_our_use(name)]
        priority = 1 + max((policy.priority for policy in policies), default=0)
        return self.replaced.catching(self._base(around), priority)

    def _base(self, around: Around) -> Policy | None:
        """The policy that is in force on the exchange without ours."""
        ours = self._holding.catching
        index = ExistingIndex(self.existing)
        candidates = index.candidates(self.replaced.was, without=ours)
        said = around.in_force.get(self._name)
        found = [policy for policy in candidates if said in (None, ours, policy.name)]
        return found[0] if found else None

    def _alternate(self, around: Around) -> str | None:
        """Where the new exchange sends what it cannot route."""
        base = self._base(around)
        by_policy = base.definition.get(ALTERNATE) if base is not None else None
        by_argument = self.replaced.becomes.alternate_exchange
        return by_argument or (by_policy if isinstance(by_policy, str) else None)

    def _declare(self, nouns: Sequence[Noun]) -> None:
        declare(self.broker, self.existing.vhost, nouns)

    def _delete(self, nouns: Sequence[Noun], there: Existing) -> None:
        # The lock is asked for before: what comes late, from a run that has lost it, would undo what another does.
        self.watch.advance(0)
        delete(self.broker, there, nouns)


def _leads_to(binding: Binding, exchange: str) -> bool:
    return binding.destination == exchange and binding.destination_type is DestinationType.EXCHANGE


def _renamed(binding: Binding, old: str, new: str) -> Binding:
    """The binding with one exchange in the place of the other."""
    return replace(
        binding,
        source=new if binding.source == old else binding.source,
        destination=new if _leads_to(binding, old) else binding.destination,
    )
