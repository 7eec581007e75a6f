"""Fixtures of the command's tests."""

from pathlib import Path

import pytest

from tests.cli.command import TOPOLOGY, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A spec with one org, acme, and a broker that has nothing."""
    (tmp_path / "topology.yaml").write_text(TOPOLOGY)
    found = Place(path=tmp_path)
    found.write_org("acme", "options: {crm: true}\n")
    found.write_broker()
    return found
