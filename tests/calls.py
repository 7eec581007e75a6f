"""What something costs, told without a clock: how many functions it calls."""

import sys
from collections.abc import Callable
from typing import Final

_ROOM: Final = 1.2


def function_calls(action: Callable[[], object]) -> int:
    """How many calls, of Python's functions and of C's, an action makes."""
    count = 0

    def tally(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(tally)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def assert_grows_with_size(action_of: Callable[[int], Callable[[], object]], size: int) -> None:
    """Assert that twice the size costs twice as much, and not four times."""
    action_of(size)()  # what is done once only
    once, twice = (function_calls(action_of(many)) for many in (size, 2 * size))
    assert twice < _ROOM * 2 * once
