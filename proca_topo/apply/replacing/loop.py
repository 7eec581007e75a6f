"""How every replacement goes: observe, decide, do a step, and again, until nothing is left to do."""

from collections import Counter
from collections.abc import Callable
from typing import Final, TypeVar

from proca_topo.apply.replacing import boundary
from proca_topo.errors import BrokerError

# Somebody else undoes a step that comes again and again.
_TOO_OFTEN: Final = 10

_Seen = TypeVar("_Seen")
_Step = TypeVar("_Step")


def until_done(
    seen: _Seen,
    *,
    look: Callable[[], _Seen],
    decide: Callable[[_Seen], _Step | None],
    do: Callable[[_Step, _Seen], None],
) -> None:
    """Do step after step, each decided on what the broker shows after the one before; at first that is `seen`.

    Raises BrokerError if that does not come to an end.
    """
    done: Counter[_Step] = Counter()
    while (step := decide(seen)) is not None:
        done[step] += 1
        if done[step] > _TOO_OFTEN:
            raise BrokerError(f"somebody else undoes what it does ({step}): find out who, and apply again")
        do(step, seen)
        seen = look()
    boundary.reached("done")
