"""Orgs that the command line names, where only the spec can know them."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from proca_topo.errors import UsageError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.spec.topology_file import TopologyFile


def check_named_orgs(orgs: Iterable[str], topology: "TopologyFile") -> None:
    """Raise UsageError if one of them has no file."""
    for org in orgs:
        if not topology.has_org_file(org):
            from proca_topo.spec.problems import nearest

            raise UsageError(f"there is no org {shown(org)}{nearest(org, topology.org_names())}")
