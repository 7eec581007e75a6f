"""What is changed in a library while several threads need it stays so until the last one is done."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from proca_topo.broker.amqp.shared import shared

STATES: list[str] = []


@shared
@contextmanager
def changed() -> Iterator[None]:
    STATES.append("changed")
    yield
    STATES.append("as it was")


def test_the_last_one_who_leaves_undoes_it() -> None:
    """Whoever came first."""
    STATES.clear()
    first, second = ExitStack(), ExitStack()
    first.enter_context(changed())
    second.enter_context(changed())
    first.close()
    assert STATES == ["changed"]
    second.close()
    assert STATES == ["changed", "as it was"]


def test_it_is_made_anew_after_that() -> None:
    """Also where what was done meanwhile has failed."""
    STATES.clear()
    with pytest.raises(ZeroDivisionError), changed():
        raise ZeroDivisionError
    with changed():
        assert STATES == ["changed", "as it was", "changed"]
