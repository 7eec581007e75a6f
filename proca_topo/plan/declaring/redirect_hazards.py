"""What a plan says of the policies that redirect what is there already."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from proca_topo.plan.changes import Change, Declare, Hazard, HazardCode, Replace, Update
from proca_topo.plan.declaring.needs_first import handed_on
from proca_topo.plan.declaring.new_queues import unbound_without_policies
from proca_topo.plan.declaring.order import At, DeclaringOrder, Node
from proca_topo.plan.declaring.redirecting import Ways
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, Policy, Queue


def with_redirect_hazards(changes: Sequence[Change], existing: Existing) -> list[Change]:
    """The changes, those policies held back that would lead messages to where their way on is not there yet.

    Where a policy cannot come after all that it leads to, since it has to be before some of it, it comes after it:
    a dead letter without a way on is dropped for certain, a message that is not under its policy yet only if
    anything happens to it in this moment. The policy has a hazard then.

    Where only replacements bring its way on, the policy comes after them, unless what comes before lives by it.
    """
    changes = unbound_without_policies(changes, existing)
    order = DeclaringOrder(changes=changes, existing=existing)
    if not order.redirecting:
        return changes
    missing = _missing(order)
    judged = [_judged(change, order, missing) for change in changes]
    found = unbound_without_policies(judged, existing)
    if found != judged:
        return found
    return [_judged(change, order, missing, may_be_late=True) for change in changes]


def _judged(
    change: Change, order: DeclaringOrder, missing: Mapping[Node, Change], *, may_be_late: bool = False
) -> Change:
    policy = change.noun
    if not isinstance(policy, Policy) or policy not in order.redirecting:
        return change
    hazards = (*change.hazards, *_of_circles(policy, order))
    if change.held_back is not None or policy not in missing:
        return replace(change, hazards=hazards)
    if may_be_late and missing[policy].held_back is None and isinstance(change, (Declare, Update)):
        return replace(change, hazards=hazards, after_replacement=True)
    reason = _without_way_on(order.redirecting[policy].ways, missing[policy])
    return replace(change, hazards=hazards, held_back=reason)


def _missing(order: DeclaringOrder) -> Mapping[Node, Change]:
    """For each that is needed, something that it needs itself and that is not declared before replacements: what
    is held back, if anything of it is.
    """

    def later(node: Node) -> Change | None:
        change = None if isinstance(node, At) else order.by_noun[node]
        return change if change is not None and _is_later(change) else None

    def last(changes: Sequence[Change]) -> Change:
        return next((change for change in changes if change.held_back is not None), changes[0])

    return handed_on(order.groups, order.needs, later, last)


def _is_later(change: Change) -> bool:
    if change.held_back is not None or isinstance(change, Replace):
        return True
    return isinstance(change, Declare) and change.after_replacement


def _without_way_on(ways: Ways, missing: Change) -> str:
    where = " and ".join(sorted({shown(way.exchange or way.routing_key or "") for way in ways}))
    leads = f"it leads messages to {where}, from where" if ways else "it gives way to another policy, with which"
    why = "is held back" if missing.held_back is not None else "comes with a replacement"
    return (
        f"{leads} some would find no way on: {shown(missing.noun.name)} is not there yet, and {why}; apply again"
        " once it is there"
    )


def _of_circles(policy: Policy, order: DeclaringOrder) -> Iterator[Hazard]:
    group = order.group_of[policy]
    bound = sorted({shown(one.destination) for one in group if isinstance(one, Binding) and _is_fed(one, order)})
    early = [one for one in group if isinstance(one, Queue) and shown(one.name) in bound]
    if early:
        names = ", ".join(shown(queue.name) for queue in sorted(early, key=lambda queue: queue.name))
        yield Hazard(
            code=HazardCode.MESSAGES_AT_STAKE,
            message=f"it leads messages to {names}, bound before it is set: what else comes there by then is not"
            " under it",
        )


def _is_fed(binding: Binding, order: DeclaringOrder) -> bool:
    """Whether anything may come by it yet: an exchange that was there already may be published to."""
    return binding.source in order.existing.exchanges
