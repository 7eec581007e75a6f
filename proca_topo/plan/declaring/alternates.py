"""Exchanges of an org whose alternate exchange, which all orgs share, is not there yet."""

from collections.abc import Mapping
from typing import Final

from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import is_reserved

NOT_ALL: Final = "run apply without --org first"
"""What to do where a plan for single orgs leans on what it does not have."""


def without_alternate(existing: Existing, desired: Desired) -> Mapping[str, str]:
    """The exchanges of a plan for single orgs that are not to be declared yet, each with the reason.

    RabbitMQ would declare them, and drop without a word what they cannot route.
    """
    if desired.scope is None:
        return {}
    wanted = {name: one.alternate_exchange for name, one in desired.exchanges.items()}
    absent = {name: one for name, one in wanted.items() if name not in existing.exchanges and one is not None}
    held: dict[str, str] = {}
    while True:
        there = (existing.exchanges.keys() | wanted.keys()) - held.keys()
        lacking = {
            name: alternate
            for name, alternate in absent.items()
            if name not in held and alternate not in there and not is_reserved(alternate)
        }
        if not lacking:
            return held
        held |= {
            name: (
                f"what it cannot route would be dropped: its alternate exchange {shown(alternate)} is not on the"
                f" broker; {NOT_ALL}"
            )
            for name, alternate in lacking.items()
        }
