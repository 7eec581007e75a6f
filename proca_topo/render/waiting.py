"""What the things that drain wait for: time ends most of it, somebody has to end the rest."""

import re
from collections.abc import Sequence
from typing import Final

from proca_topo.apply.report import Result
from proca_topo.topology.names import shown

# How the reasons of `plan/pruning.py` and `apply/deleting.py` end that no later apply may see the end of.
_NEVER_REPLACED: Final = " until it is replaced"
_NO_AMQP: Final = ", which cannot be reached"
_STILL_USED: Final = {
    " dead letters this way": "give it another dead-letter exchange",
    " as dead-letter exchange": "give it another dead-letter exchange",
    " as alternate exchange": "give it another alternate exchange",
}
_USER: Final = re.compile(r"(?P<name>.*?)(?: and \d+ others?)? still (?:sends?|has) ")


def remedies(results: Sequence[Result]) -> dict[str, str]:
    """By reason, what to do where something that drains waits for neither messages nor something that drains."""
    draining = {shown(result.change.noun.name) for result in results}
    found = {}
    for reason in {result.reason or "" for result in results}:
        if (remedy := _remedy(reason, draining)) is not None:
            found[reason] = remedy
    return found


def _remedy(reason: str, draining: set[str]) -> str | None:
    if reason.endswith(_NEVER_REPLACED):
        return "no apply replaces it: delete it by hand once it is empty, and the same command makes it anew"
    if reason.endswith(_NO_AMQP):
        return "set PROCA_TOPO_AMQP to an AMQP URL that can be reached"
    user = _USER.match(reason)
    if user is None or user["name"] in draining:
        return None
    for ending, remedy in _STILL_USED.items():
        if reason.endswith(ending):
            return f"this apply does not change that: {remedy} or delete it, or keep this in the spec"
    return None
