"""Which name a queue gets in the end, whose replacement was begun and interrupted."""

from collections.abc import Iterable, Mapping

from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.holding import Unfinished


def targets(found: Iterable[Unfinished], existing: Existing, desired: Desired) -> Mapping[str, Unfinished]:
    """What was begun by the names that the queues get: as it was begun, unless that is in time to be changed.

    | the old queue | the spec has                                              | the queue gets       |
    |---------------|-----------------------------------------------------------|----------------------|
    | is gone       | anything                                                  | the name as begun    |
    | is there      | the name as begun                                         | that                 |
    | is there      | the old name                                              | the old name         |
    | is there      | another name for the old one                              | that                 |
    | is there      | another name for the one as begun, and no queue has that  | that                 |
    | is there      | none of these                                             | the name as begun    |
    """
    begun = tuple(found)
    taken = {one.replaced.becomes for one in begun}
    again = {old: new for new, old in desired.renames.items() if new not in taken}

    def name_of(one: Unfinished) -> str:
        becomes, was = one.replaced.becomes, one.replaced.was.name
        if one.old_is_gone or becomes in desired.queues:
            return becomes
        if was in desired.queues:
            return was
        # A queue of the name as begun has messages of its own, which get the other name once these are with them.
        return again.get(was) or (again.get(becomes) if becomes not in existing.queues else None) or becomes

    return {name_of(one): one for one in begun}
