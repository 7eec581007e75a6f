"""Bindings from an exchange with an alternate to one that does not pass on yet what it is to pass on.

Until there is such a binding the alternate exchange takes its messages. With it they count as routed, and
where they find no way on they are dropped without a word.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from proca_topo.plan.changes import Change, Declare
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Noun
from proca_topo.topology.policies_in_force import PoliciesInForce
from proca_topo.topology.routing.topics import overlap

_TOPIC = "topic"


def fed_if_passing_on(changes: Sequence[Change], existing: Existing, desired: Desired) -> list[Change]:
    """The changes, such bindings held back while a way on that their messages may take is held back.

    A binding that carries dead letters is made all the same: without it these have no way at all.
    """
    new = {change.noun for change in changes if _is_new_between_exchanges(change)}
    waiting = [c.noun for c in changes if isinstance(c.noun, Binding) and c.held_back is not None]
    if not new or not waiting:
        return [*changes]
    exchanges = {**existing.exchanges, **desired.exchanges}
    lacking = _lacking(waiting, (*existing.bindings, *desired.bindings), exchanges)
    policies = PoliciesInForce({**existing.policies, **desired.policies}.values())
    return [_judged(c, lacking, exchanges, policies) if c.noun in new else c for c in changes]


def _is_new_between_exchanges(change: Change) -> bool:
    match change:
        case Declare(
            noun=Binding(destination_type=DestinationType.EXCHANGE), carries_dead_letters=False, held_back=None
        ):
            return True
        case _:
            return False


def _lacking(
    waiting: Sequence[Binding], bindings: Iterable[Binding], exchanges: Mapping[str, Exchange]
) -> Mapping[Noun, Binding]:
    """The bindings to exchanges behind which, at any distance, one of those that wait is, and that one."""
    to: dict[str, list[Binding]] = defaultdict(list)
    for binding in bindings:
        if binding.destination_type is DestinationType.EXCHANGE:
            to[binding.destination].append(binding)
    found: dict[Noun, Binding] = {}
    todo = [(one, one) for one in waiting]
    while todo:
        one, waits = todo.pop()
        for binding in to.get(one.source, ()):
            if binding not in found and _may_meet(binding, one, exchanges):
                found[binding] = waits
                todo.append((binding, waits))
    return found


def _judged(
    change: Change, lacking: Mapping[Noun, Binding], exchanges: Mapping[str, Exchange], policies: PoliciesInForce
) -> Change:
    if not isinstance(change.noun, Binding) or (waits := lacking.get(change.noun)) is None:
        return change
    source = exchanges.get(change.noun.source)
    if source is None or not (alternates := policies.alternates(source)):
        return change
    told = f"what goes to {shown(min(alternates))} till then would be dropped: {shown(waits.name)} is held back"
    return replace(change, held_back=told)


def _may_meet(binding: Binding, held: Binding, exchanges: Mapping[str, Exchange]) -> bool:
    """Whether there is a message that comes by the one and would go on by the other."""
    ends = [exchanges.get(name) for name in (binding.source, held.source)]
    both_topics = all(one is not None and one.type == _TOPIC for one in ends)
    return not both_topics or overlap(binding.routing_key, held.routing_key)
