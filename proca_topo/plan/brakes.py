"""What is refused altogether, because a mistake is more likely than a wish."""

from collections.abc import Iterator
from typing import Final

from proca_topo.plan.changes import Change, Declare, Delete, Plan, Replace, Retire
from proca_topo.plan.undesired import is_to_exclusive_queue
from proca_topo.topology.desired import Desired
from proca_topo.topology.exchange_types import PLUGINS
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Exchange, Noun

# So few deletions are never too many: one org more or less in a small vhost is an ordinary change.
_FEW: Final = 10
_MOST_PERCENT: Final = 30


def refusal(
    plan: Plan,
    existing: Existing,
    desired: Desired,
    *,
    allow_deletes: int | None = None,
    waits_for_draining: bool = False,
) -> str | None:
    """Why apply refuses this plan, and the remedy, in one sentence; None if it does not.

    Counted are the deletions and replacements that apply would make, without those of an org that was asked for by
    name and has no file any more. `allow_deletes` is how many are accepted; without it what is accepted is 30 % of
    the owned objects that were read (for deletions of single orgs that is the whole vhost), or fewer than 10.
    An apply that `waits_for_draining` deletes what is retired too.

    So is a plan with exchanges of a type that the broker does not have: what leads to them or leans on them would
    be there without them, and lose messages.
    """
    if (reason := _unknown_type(plan, existing)) is not None:
        return reason
    retired = [one for one in plan.changes if isinstance(one, Retire) and one.held_back is None]
    draining = retired if waits_for_draining else []
    count = sum(1 for change in (*plan.to_do, *draining) if _is_counted(change, desired))
    if count < _FEW if allow_deletes is None else count <= allow_deletes:
        return None
    total = sum(1 for _ in _owned(existing, desired))
    if allow_deletes is None and count * 100 <= total * _MOST_PERCENT:
        return None
    most = f"{_MOST_PERCENT} %" if allow_deletes is None else f"the {allow_deletes} accepted"
    deletes = "deletes, some of it once it has drained," if draining else "deletes"
    return (
        f"the plan {deletes} or replaces {count} of {total} objects that exist and are ours, more than {most}; "
        f"if that is meant, give --allow-deletes {count}, otherwise mend the spec"
    )


def _unknown_type(plan: Plan, existing: Existing) -> str | None:
    known = existing.exchange_types
    made = (one.noun for one in plan.to_do if isinstance(one, Declare))
    lacking = [one for one in made if isinstance(one, Exchange) and known is not None and one.type not in known]
    if not lacking:
        return None
    kind = lacking[0].type
    names = [shown(one.name) for one in lacking if one.type == kind]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    plugin = PLUGINS.get(kind)
    enable = "enable the plugin that brings it" if plugin is None else f"`rabbitmq-plugins enable {plugin}`"
    return (
        f"{names[0]}{more} would be of the type {shown(kind)}, which no exchange of this broker can have: {enable}"
        " there, or mend the spec"
    )


def wrong_cluster(wanted: str | None, name: str | None, location: str) -> str | None:
    """Why a spec that names its cluster (`wanted`) is not for the broker at `location`, whose cluster is `name`;
    None if it is for it, or names none.
    """
    if wanted is None or wanted == name:
        return None
    found = f"belongs to {shown(name)}" if name is not None else "does not say to which cluster it belongs"
    return (
        f"this spec is for the cluster {shown(wanted)}, and {shown(location)} {found}; "
        "name the right broker with --broker, or mend `cluster` in topology.yaml"
    )


def _is_counted(change: Change, desired: Desired) -> bool:
    if not isinstance(change, (Delete, Replace, Retire)):
        return False
    if isinstance(change, Replace) and change.unfinished is not None:
        return False  # it was accepted when it was begun, and holds messages until it is finished
    gone = desired.gone
    # A name alone would not do: with an owned name like `{org}*` one org's names can look like another's.
    return gone is None or not (change.org in gone.orgs or change.noun in gone.bindings)


def _owned(existing: Existing, desired: Desired) -> Iterator[Noun]:
    owns = desired.ownership.owns
    yield from filter(owns, existing.exchanges.values())
    yield from filter(owns, existing.queues.values())
    yield from (b for b in existing.bindings if owns(b) and not is_to_exclusive_queue(b, existing))
    yield from filter(owns, existing.policies.values())
