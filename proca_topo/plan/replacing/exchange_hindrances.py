"""What stands in the way of replacing one exchange, and what to do about it."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.plan.messages.busy import messages
from proca_topo.plan.policies.federation import why_not_replaced
from proca_topo.plan.replacing.anew import why_not_anew
from proca_topo.topology.catch_all import can_catch, matches_by_key_alone
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, is_for_our_use, is_reserved


@dataclass(frozen=True, kw_only=True)
class Hindrances:
    """Of one replacement: the exchange as it is, and as it is to be."""

    before: Exchange
    after: Exchange
    desired: Desired
    index: ExistingIndex

    def lasting(self) -> str | None:
        """What no waiting helps against."""
        found = (*self._of_itself(), *self._of_bindings(), *self._around_it())
        return next(iter(found), None)

    def that_may_have_come(self) -> str | None:
        """What is asked about again where a replacement has been begun: messages or bindings at stake."""
        return next(self._not_anew(), None) or self._unseen_bindings() or self._letters()

    def _of_itself(self) -> Iterator[str]:
        if self.before.auto_delete or self.after.auto_delete:
            yield "an auto-delete exchange goes with its last binding: take those away, and it is declared anew"
        for exchange in (self.before, self.after):
            if not can_catch(exchange):
                yield (
                    f"it is not known which bindings make an exchange of the type {shown(exchange.type)} pass on"
                    " everything, without which messages would be lost on the way: declare another one under"
                    " another name, and move its publishers"
                )
        if self.before.name in {".", ".."}:
            yield "the management API cannot be asked for an exchange of this name"
        if len(self.index.candidates(self.before)) > 1:
            yield (
                "it cannot be told which policy is in force on it, which has to stay so: give one of them"
                " a higher priority"
            )
        # Those of the spec are set before it begins.
        policies = {**self.index.existing.policies, **self.desired.policies}
        if (reason := why_not_replaced(self.before, policies.values(), self.desired)) is not None:
            yield reason

    def _of_bindings(self) -> Iterator[str]:
        name = self.before.name
        yield from self._not_anew()
        for binding in self._outgoing:
            to_queue = binding.destination_type is DestinationType.QUEUE
            if not to_queue and binding.destination == name:
                yield f"it is bound to itself ({shown(binding.name)}): unbind that first"
            if to_queue and binding.destination in self.index.existing.exclusive:
                yield (
                    f"the queue {shown(binding.destination)}, which is bound to it, is one connection's own, and"
                    " nobody else can bind it anew: end that connection first"
                )
        if self.after.type == "headers":
            yield from self._without_arguments()

    def _not_anew(self) -> Iterator[str]:
        for binding in (*self._outgoing, *self.index.by_destination_exchange.get(self.before.name, ())):
            if (reason := why_not_anew(binding)) is not None:
                yield reason

    def _without_arguments(self) -> Iterator[str]:
        """In a headers exchange such a binding matches every message."""
        bare = [binding for binding in (*self._outgoing, *self._to_come) if not binding.arguments]
        if bare and self.before.type != "headers":
            yield (
                f"in a headers exchange a binding without arguments, as {shown(bare[0].name)}, matches every"
                " message: give it arguments, which the exchange as it is does not look at, and prune the one"
                " without"
            )

    def _around_it(self) -> Iterator[str]:
        for alternate in {self.before.alternate_exchange, self.after.alternate_exchange} - {None}:
            if (reason := self._alternate(str(alternate))) is not None:
                yield (
                    f"its alternate exchange {shown(str(alternate))}, set by argument, would take messages while"
                    f" it has no bindings, and {reason}: have a policy set alternate-exchange instead"
                )
        for source in self._with_alternate(self.before.name):
            yield (
                f"it is the alternate exchange of {shown(source)}, whose unroutable messages would be lost while"
                " it does not exist: take it away from that first"
            )

    def _alternate(self, name: str) -> str | None:
        """Why messages that come to this alternate exchange by mistake could not be passed on from there."""
        exchange = self.index.existing.exchanges.get(name)
        if exchange is None:
            return "is not there"
        if is_reserved(name) or name == self.before.name or not can_catch(exchange):
            return "nothing of ours can be bound to that"
        bindings = (*self._outgoing, *self._to_come)
        if exchange.type == "direct" and not matches_by_key_alone(self.after, bindings):
            return "as a direct exchange it cannot pass them on"
        if any(binding.source == name for binding in self.index.by_destination_exchange.get(self.before.name, ())):
            return "is bound to it besides"
        others = {binding.source for binding in self.index.by_destination_exchange.get(name, ())}
        others |= {source for source in self._with_alternate(name) if source != self.before.name}
        others |= set(self.index.dead_lettering_to.get(name, ()))
        if others:
            return f"has messages from {shown(min(others))} too"
        return None

    def _with_alternate(self, name: str) -> list[str]:
        """The exchanges that have this one as their alternate, without those that replacements use."""
        return [source for source in self.index.alternates_to.get(name, ()) if not is_for_our_use(source)]

    def _unseen_bindings(self) -> str | None:
        """Bindings that cannot be made anew, since nobody knows them."""
        existing = self.index.existing
        version = shown(existing.broker.version or "")
        for queue in filter(existing.hides_bindings_of, sorted(existing.queues)):
            return (
                f"the queue {shown(queue)} is on a node that is down, and RabbitMQ {version} does not tell whether"
                " it is bound to it: start that node first"
            )
        return None

    def _letters(self) -> str | None:
        """Dead letters that would find no exchange."""
        activity = self.index.existing.activity
        for queue in self.index.dead_lettering_to.get(self.before.name, ()):
            here = activity.get(queue, Activity())
            if not activity or (here.counted and not (here.messages or here.consumers)):
                continue
            if here.messages:
                what = f"{messages(here.messages)} in it"
            else:
                what = "consumers on it" if here.consumers else "messages in it that cannot be counted"
            return (
                f"dead letters of {shown(queue)}, which has {what}, would be lost in the moment in which it does"
                " not exist: stop its consumers and let it drain, or give it another dead-letter exchange"
            )
        return None

    @cached_property
    def _outgoing(self) -> Collection[Binding]:
        return self.index.by_source.get(self.before.name, ())

    @cached_property
    def _to_come(self) -> Collection[Binding]:
        """The bindings of the spec that it does not have yet."""
        return [
            binding
            for binding in self.desired.bindings
            if binding.source == self.before.name and binding not in self.index.existing.bindings
        ]
