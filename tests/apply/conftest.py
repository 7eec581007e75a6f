"""The spec that tests of pruning have in common."""

from pathlib import Path

import pytest

from tests.apply.option import switch, write_spec


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The spec of an org that has its option, and by that a queue."""
    (tmp_path / "orgs").mkdir()
    write_spec(tmp_path, "classic")
    switch(tmp_path, on=True)
    return tmp_path
