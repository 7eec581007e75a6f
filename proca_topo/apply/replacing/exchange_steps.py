"""The protocol of an exchange's replacement: which step comes next, from nothing but what the broker shows.

| phase     | the exchange is            | where a message goes that is published to it               |
|-----------|----------------------------|------------------------------------------------------------|
| preparing | not yet as it is to be     | as ever                                                    |
| swapping  | not there                  | nowhere: its channel is closed, and the publisher knows    |
| restoring | as it is to be             | to the queues of the shadow, or to its own and to those    |

The shadow is an exchange like the new one, with all bindings of the old. What comes from other exchanges goes to
both, and RabbitMQ puts a message that comes to a queue in two ways there once. As long as the new exchange has no
bindings the shadow is its alternate, by a policy that is in force as soon as it is declared. Before it gets the
first it passes everything on to the shadow, until it has them all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from proca_topo.topology.nouns import Binding


class ExchangeStep(StrEnum):
    """The steps, by the names that progress, errors and tests use. Doing one twice does no harm."""

    DECLARE_SHADOW = "declare the shadow"
    COPY_OUTGOING = "give the shadow its bindings"
    COPY_INCOMING = "bind the shadow wherever it is bound"
    SET_CATCHING = "set the policy that makes the shadow its alternate"
    BIND_ALTERNATES = "have its alternate exchange pass on to the shadow"
    SWAP = "delete it and declare the new one"
    DECLARE = "declare it"
    BIND_CATCH = "have it pass on everything to the shadow"
    UNBIND_ALTERNATES = "unbind the shadow from its alternate exchange"
    RESTORE_OUTGOING = "give it the bindings of the shadow"
    RESTORE_INCOMING = "bind it wherever the shadow is bound"
    UNBIND_CATCH = "unbind the shadow from it"
    UNBIND_SHADOW = "unbind the shadow from other exchanges"
    UNSET_CATCHING = "delete the policy"
    EMPTY_SHADOW = "take its bindings from the shadow"
    DELETE_SHADOW = "delete the shadow"


Bindings = frozenset[Binding]
NONE: Final[Bindings] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSituation:
    """How far a replacement is, as the broker shows it.

    `there` is whether the exchange exists, `is_target` whether it is as it is to be. `catching` says that the
    policy is in force on it (or is there, while the exchange is not), `has_policy` that it is there.
    `outgoing` and `incoming` are the bindings of the exchange, and the `shadow_…` those of the shadow, as if they
    were its own; neither has those between the two, which are `catch` and `alternates`, beside those that are
    needed. `wanted` are bindings that the spec allows besides.
    """

    shadow: bool
    there: bool
    is_target: bool
    catching: bool
    has_policy: bool
    outgoing: Bindings = NONE
    incoming: Bindings = NONE
    shadow_outgoing: Bindings = NONE
    shadow_incoming: Bindings = NONE
    wanted: Bindings = NONE
    catch: Bindings = NONE
    catch_needed: Bindings = NONE
    alternates: Bindings = NONE
    alternates_needed: Bindings = NONE

    @property
    def missing(self) -> Bindings:
        """What the exchange has to be given back."""
        return self.shadow_outgoing - self.outgoing

    @property
    def uncopied(self) -> Bindings:
        """What the shadow has to be given."""
        return (self.outgoing | self.wanted) - self.shadow_outgoing


@dataclass(frozen=True, slots=True)
class ExchangeRule:
    """A step, and when it is the one to do, if none before it is."""

    step: ExchangeStep
    applies: Callable[[ExchangeSituation], bool]


EXCHANGE_PROTOCOL: Final[Sequence[ExchangeRule]] = (
    # Preparing, until everything that leads to it or from it is doubled.
    ExchangeRule(ExchangeStep.DECLARE_SHADOW, lambda s: not s.shadow),
    ExchangeRule(ExchangeStep.COPY_OUTGOING, lambda s: s.there and not s.is_target and bool(s.uncopied)),
    ExchangeRule(
        ExchangeStep.COPY_INCOMING, lambda s: s.there and not s.is_target and bool(s.incoming - s.shadow_incoming)
    ),
    ExchangeRule(ExchangeStep.SET_CATCHING, lambda s: not s.is_target and not s.catching),
    ExchangeRule(
        ExchangeStep.BIND_ALTERNATES, lambda s: not s.is_target and bool(s.alternates_needed - s.alternates)
    ),
    ExchangeRule(ExchangeStep.SWAP, lambda s: s.there and not s.is_target),
    # Only where the two were torn apart.
    ExchangeRule(ExchangeStep.DECLARE, lambda s: not s.there),
    # Restoring.
    ExchangeRule(ExchangeStep.BIND_CATCH, lambda s: bool(s.missing) and bool(s.catch_needed - s.catch)),
    ExchangeRule(ExchangeStep.UNBIND_ALTERNATES, lambda s: bool(s.alternates)),
    ExchangeRule(ExchangeStep.RESTORE_OUTGOING, lambda s: bool(s.missing)),
    ExchangeRule(ExchangeStep.RESTORE_INCOMING, lambda s: bool(s.shadow_incoming - s.incoming)),
    # Clearing away: the shadow goes last, since it tells what is being replaced.
    ExchangeRule(ExchangeStep.UNBIND_CATCH, lambda s: bool(s.catch)),
    ExchangeRule(ExchangeStep.UNBIND_SHADOW, lambda s: bool(s.shadow_incoming)),
    ExchangeRule(ExchangeStep.UNSET_CATCHING, lambda s: s.has_policy),
    ExchangeRule(ExchangeStep.EMPTY_SHADOW, lambda s: bool(s.shadow_outgoing)),
    ExchangeRule(ExchangeStep.DELETE_SHADOW, lambda s: s.shadow),
)


def next_exchange_step(
    situation: ExchangeSituation, protocol: Sequence[ExchangeRule] = EXCHANGE_PROTOCOL
) -> ExchangeStep | None:
    """The step to do now; None once nothing is left to do."""
    if is_finished(situation):
        return None
    return next((rule.step for rule in protocol if rule.applies(situation)), None)


def is_finished(situation: ExchangeSituation) -> bool:
    """Whether nothing of a replacement is left: asked once it has begun."""
    return not situation.shadow and not situation.has_policy
