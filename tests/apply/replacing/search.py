"""Everything that can happen, in any order, breadth first: the first thing that goes wrong, and what led there."""

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from proca_topo.apply.replacing.steps import Rule
from tests.apply.replacing.world import World, advanced, events, lost, wrong_in_the_end


class Found(NamedTuple):
    """How many states were seen; what is wrong with one of them, and what led there."""

    states: int
    wrong: str | None = None
    way: tuple[str, ...] = ()


def search(start: World, protocol: Sequence[Rule]) -> Found:
    """Stops at the first state in which a message is lost, that ends wrongly, or from which the run never ends."""
    came_from: dict[World, tuple[World, str] | None] = {start: None}
    next_of: dict[World, World] = {}
    ends: list[World] = []
    to_see = deque([start])
    while to_see:
        now = to_see.popleft()
        if gone := lost(now):
            return Found(len(came_from), f"lost: {gone}", _way(came_from, now))
        after = advanced(now, protocol)
        if after is None:
            if (wrong := wrong_in_the_end(now)) is not None:
                return Found(len(came_from), wrong, _way(came_from, now))
            ends.append(now)
        else:
            next_of[now] = after
            if after not in came_from:
                came_from[after] = (now, str(now.run.atoms[0]) if now.run.atoms else "the run looks")
                to_see.append(after)
        for name, other in events(now):
            if other not in came_from:
                came_from[other] = (now, name)
                to_see.append(other)
    endless = _endless(next_of, ends)
    return Found(len(came_from), *(("never ends", _way(came_from, endless)) if endless is not None else ()))


def _endless(next_of: dict[World, World], ends: list[World]) -> World | None:
    """A state from which an undisturbed run comes round to where it was."""
    good = set(ends)
    for start in next_of:
        path: list[World] = []
        on_path: set[World] = set()
        at = start
        while at not in good:
            if at in on_path:
                return start
            path.append(at)
            on_path.add(at)
            at = next_of[at]
        good.update(path)
    return None


def _way(came_from: dict[World, tuple[World, str] | None], to: World) -> tuple[str, ...]:
    way: list[str] = []
    at = to
    while (step := came_from[at]) is not None:
        at, name = step
        way.append(name)
    return tuple(reversed(way))
