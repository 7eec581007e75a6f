"""The vhost is known before the spec is read properly."""

from pathlib import Path

import pytest

from proca_topo.spec.glance import vhost_at_a_glance


@pytest.mark.parametrize(
    ("text", "vhost"),
    [
        ("topology: 1\nvhost: proca\nowns: []\n", "proca"),
        ("topology: 1\nowns: []\n", ""),
        ("topology: 1\nvhost: proca\nqueues: {a: {unknown: 1}}\n", "proca"),
        ("topology: 1\nvhost: 7\n", None),
        ("topology: 1\nvhost:\n", None),
        ("vhost: proca\n", None),
        ("topology: 1\nvhost: proca\nvhost: other\n", None),
        ("- proca\n", None),
        ("{", None),
        ("", None),
    ],
)
def test_it_is_told_only_where_it_is_certain(tmp_path: Path, text: str, vhost: str | None) -> None:
    """What is read early is what is read anyway: where the vhost is in doubt, no broker is asked for one."""
    (tmp_path / "topology.yaml").write_text(text)
    assert vhost_at_a_glance(tmp_path) == vhost


def test_without_a_spec_there_is_none(tmp_path: Path) -> None:
    """A wrong directory is told by whoever reads the spec."""
    assert vhost_at_a_glance(tmp_path) is None
