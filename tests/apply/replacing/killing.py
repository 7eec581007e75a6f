"""An apply that is killed between two steps of a replacement."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from proca_topo.apply.replacing import boundary


class KilledError(BaseException):
    """As good as a SIGKILL: nothing of ours catches it."""


@contextmanager
def failing_at(monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException) -> Iterator[None]:
    """Where that step comes next in a replacement in this block, there is this error."""

    def reached(name: str) -> None:
        if name == step:
            raise error

    with monkeypatch.context() as patch:
        patch.setattr(boundary, "reached", reached)
        yield


@contextmanager
def killed_at(monkeypatch: pytest.MonkeyPatch, step: str) -> Iterator[None]:
    """The replacement in this block ends where that step comes next."""
    with failing_at(monkeypatch, step, KilledError()), pytest.raises(KilledError):
        yield
