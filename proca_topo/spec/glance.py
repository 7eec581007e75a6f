"""A look at topology.yaml before it is read properly, so that the broker can be asked early."""

from pathlib import Path

from proca_topo.spec.files import TOPOLOGY, read_text
from proca_topo.spec.yaml_text import load_yaml


def vhost_at_a_glance(directory: Path) -> str | None:
    """The vhost that topology.yaml names, "" if it names none; None where that cannot be told.

    What is wrong with the file is told by whoever reads it properly.
    """
    text = read_text(directory / TOPOLOGY, TOPOLOGY, [])
    data, wrong = load_yaml(text, TOPOLOGY) if text is not None else (None, [])
    if wrong or not isinstance(data, dict) or "topology" not in data:
        return None
    vhost = data.get("vhost", "")
    return vhost if isinstance(vhost, str) else None
