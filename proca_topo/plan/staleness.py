"""Whether a plan that was kept is still the plan; and if not, what has changed since, the broker or the spec."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from proca_topo.plan.changes import Change, Plan, Replace, Retire
from proca_topo.plan.counterpart import counterpart
from proca_topo.plan.saved import SavedChange, SavedPlan, digest, key_of, saved_change, with_type
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Noun, Queue


class Verdict(StrEnum):
    """What became of a change since the plan was kept."""

    DONE = "already done"
    GONE = "gone"
    DIFFERENT = "different"
    NEW = "new"


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """One change that is not the same in both plans: as it is now, or as it was if it is no more."""

    change: SavedChange
    verdict: Verdict
    why: str


def elsewhere(
    saved: SavedPlan, *, location: str, cluster_name: str | None = None, vhost: str | None = None
) -> str | None:
    """Why a plan is not for this broker and vhost, as far as they are known; None if it may be."""
    cluster = saved.broker.cluster_name
    if saved.broker.location != location:
        return f"it is for the broker {shown(saved.broker.location)}, and this is {shown(location)}"
    if cluster is not None and cluster_name is not None and cluster != cluster_name:
        return (
            f"it is for the cluster {shown(cluster)}, and at {shown(location)} is now the cluster"
            f" {shown(cluster_name)} (nodes of a cluster without a name each tell their own: `rabbitmqctl"
            " set_cluster_name NAME`)"
        )
    if vhost is not None and saved.vhost != vhost:
        return f"it is for the vhost {shown(saved.vhost)}, and {shown(vhost)} is asked for"
    return None


def discrepancies(saved: SavedPlan, plan: Plan, existing: Existing, desired: Desired) -> tuple[Discrepancy, ...]:
    """What is not the same in the plan that was kept and in the one made now of `existing` and `desired`.

    | in the kept plan | in the plan now | the broker, the spec                        | verdict      |
    |------------------|-----------------|---------------------------------------------|--------------|
    | yes              | no              | the broker has become what the plan wanted  | already done |
    | yes              | no              | the spec has changed                        | gone         |
    | yes              | the same        | any                                         | none         |
    | yes              | another one     | either has changed, or messages have come   | different    |
    | no               | yes             | either has changed                          | new          |

    Changes that both plans hold back are the same whatever they would be: nothing is done about them.
    """
    then = {key_of(change.noun): change for change in saved.changes}
    now = {key_of(change.noun): change for change in plan.changes}
    comparison = _Comparison(saved=saved, existing=existing, desired=desired)
    found = [comparison.gone(change) for key, change in then.items() if key not in now]
    for key, change in now.items():
        if key not in then:
            found.append(comparison.new(change))
        elif why := "; ".join(comparison.differs(then[key], change)):
            kept = saved_change(change, existing)
            found.append(Discrepancy(change=kept, verdict=Verdict.DIFFERENT, why=why))
    return tuple(sorted(found, key=lambda one: list(Verdict).index(one.verdict)))


@dataclass(frozen=True, kw_only=True)
class _Comparison:
    """The plan that was kept, and what a plan is made of now."""

    saved: SavedPlan
    existing: Existing
    desired: Desired

    def gone(self, change: SavedChange) -> Discrepancy:
        """A change that is in the kept plan only."""
        why = self._not_wanted_any_more(change)
        if why is None:
            return Discrepancy(change=change, verdict=Verdict.DONE, why="")
        return Discrepancy(change=change, verdict=Verdict.GONE, why=why)

    def _not_wanted_any_more(self, change: SavedChange) -> str | None:
        wanted = counterpart(change.noun, self.desired)
        if change.wanted is not None:
            if wanted is None:
                return "the spec no longer has it"
            return None if self._is_as_it_was(wanted, change.wanted) else "the spec has changed it"
        if wanted is not None:
            return "the spec has it again"
        # Of what the spec does not count to these orgs any more nothing was read.
        if not self.desired.ownership.owns(change.noun) or not self._is_in_scope(change.noun):
            return "it is no longer among what the spec owns"
        if counterpart(change.noun, self.existing) is not None:
            return "it is in use by somebody else"
        return None

    def _is_in_scope(self, noun: Noun) -> bool:
        scope = self.desired.scope
        if scope is None:
            return True
        if isinstance(noun, Binding):
            return scope.covers(noun.destination) or noun in scope.bindings
        return scope.covers(noun.name)

    def new(self, change: Change) -> Discrepancy:
        """A change that is in the new plan only."""
        kept = saved_change(change, self.existing)
        return Discrepancy(change=kept, verdict=Verdict.NEW, why=self._why_new(kept))

    def _why_new(self, change: SavedChange) -> str:
        wanted = counterpart(change.noun, self.desired)
        was_wanted_so = self._was_as_desired(wanted)
        was_there_so = self._was_as_desired(change.before)
        if was_wanted_so and was_there_so:
            return self._default_type_changed()
        if was_wanted_so:
            return "it is gone from the broker" if change.before is None else "it has changed on the broker"
        if was_there_so:
            return "the spec no longer has it" if wanted is None else "the spec has changed it"
        if change.before is None:
            return "the spec has it since then"
        if wanted is None:
            return "it is on the broker since then, or the spec owns it since then"
        return "both the spec and the broker have changed it"

    def _was_as_desired(self, noun: Noun | None) -> bool:
        return noun is not None and digest(with_type(noun, self.saved.default_queue_type)) in self.saved.as_desired

    def differs(self, then: SavedChange, change: Change) -> Iterator[str]:
        """How a change is another one than it was, and why."""
        now = saved_change(change, self.existing)
        if not (then.held_back and now.held_back):
            yield from _does_something_else(then, now, change)
        if then.before != now.before:
            yield _broker_changed(then.before, now.before)
        wanted = self._wanted(change)
        if wanted is None or then.wanted is None:
            if wanted != then.wanted:
                yield "the spec no longer has it" if wanted is None else "the spec has it again"
        elif not self._is_as_it_was(wanted, then.wanted):
            yield "the spec has changed it"
        elif self._gets_another_type(wanted):
            yield self._default_type_changed()

    def _wanted(self, change: Change) -> Noun | None:
        if isinstance(change, Replace) and change.unfinished is not None:
            # What was begun may be put together as it was, whatever the spec has.
            return change.noun
        return counterpart(change.noun, self.desired)

    def _is_as_it_was(self, wanted: Noun, then: Noun) -> bool:
        default = self.saved.default_queue_type
        return with_type(wanted, default) == with_type(then, default)

    def _gets_another_type(self, noun: Noun) -> bool:
        before, now = self.saved.default_queue_type, self.existing.default_queue_type
        return isinstance(noun, Queue) and noun.type_from(before) != noun.type_from(now)

    def _default_type_changed(self) -> str:
        before, now = self.saved.default_queue_type, self.existing.default_queue_type
        return f"the vhost's default queue type was {shown(before)} and is {shown(now)}"


def _does_something_else(then: SavedChange, now: SavedChange, change: Change) -> Iterator[str]:
    if then.action is not now.action:
        reason = f" ({change.reason})" if isinstance(change, Retire) else ""
        yield f"to {now.action} now{reason}, it was to {then.action}"
    elif then.along_with != now.along_with:
        yield "goes by itself now" if now.along_with is None else "goes with its queue now"
    if now.held_back and not then.held_back:
        yield f"held back now ({change.held_back})"
    elif then.held_back and not now.held_back:
        yield "no longer held back"


def _broker_changed(then: Noun | None, now: Noun | None) -> str:
    if now is None:
        return "it is gone from the broker"
    return "it is on the broker now" if then is None else "it has changed on the broker"
