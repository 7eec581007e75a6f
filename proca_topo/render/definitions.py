"""The desired topology as a definitions file, for whoever imports it into a broker by other means."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from proca_topo.topology.definitions import definition
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Noun


def definitions_json(desired: Desired, vhost: str) -> str:
    """What `rabbitmqctl import_definitions`, `load_definitions` and the management API's import accept.

    It holds the vhost and what is desired in it, sorted, and no users: those are not the topology's.
    """
    bindings = sorted(
        desired.bindings, key=lambda b: (b.source, b.destination, b.routing_key, b.arguments.canonical)
    )
    document = {
        "vhosts": [{"name": vhost}],
        "exchanges": _all(_by_name(desired.exchanges), vhost),
        "policies": _all(_by_name(desired.policies), vhost),
        "queues": _all(_by_name(desired.queues), vhost),
        "bindings": _all(bindings, vhost),
    }
    return json.dumps(document, indent=2) + "\n"


def _by_name(nouns: Mapping[str, Noun]) -> Iterable[Noun]:
    return (noun for _, noun in sorted(nouns.items()))


def _all(nouns: Iterable[Noun], vhost: str) -> list[dict[str, Any]]:
    return [{"vhost": vhost, **definition(noun)} for noun in nouns]
