"""What the things that drain wait for: time ends most of it, somebody has to end the rest."""

from collections.abc import Mapping, Sequence
from typing import Final

from proca_topo.apply.report import Result
from proca_topo.plan.changes import WaitsFor

_BY_HAND: Final = "this apply does not change that: {} or delete it, or keep this in the spec"
_REMEDIES: Final[Mapping[WaitsFor, str]] = {
    WaitsFor.REPLACEMENT: "an apply with --replace replaces it, and lets this go",
    WaitsFor.DEAD_LETTERS_ELSEWHERE: _BY_HAND.format("give it another dead-letter exchange"),
    WaitsFor.ALTERNATE_ELSEWHERE: _BY_HAND.format("give it another alternate exchange"),
    WaitsFor.STREAM: "this apply does not change that: delete it if they may go, or keep this in the spec",
    WaitsFor.AMQP: "set PROCA_TOPO_AMQP to an AMQP URL that can be reached",
}


def remedies(results: Sequence[Result]) -> dict[str, str]:
    """By reason, what to do where something that drains waits for neither messages nor something that drains."""
    return {
        result.reason: _REMEDIES[result.waits_for]
        for result in results
        if result.reason is not None and result.waits_for in _REMEDIES
    }
