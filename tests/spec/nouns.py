"""Short ways to write nouns out, and a spec read from texts."""

import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Queue
from tests.spec.bad_specs import written

ROOT: Final = Path(__file__).parents[2]


def exchange(name: str, kind: str = "topic", **arguments: Any) -> Exchange:
    """A durable exchange."""
    return Exchange(name=name, type=kind, arguments=Arguments.of(arguments))


def queue(name: str, arguments: Mapping[str, Any] | None = None) -> Queue:
    """A durable queue of no particular type."""
    return Queue(name=name, arguments=Arguments.of(arguments or {}))


def retried(name: str, fail: str) -> Queue:
    """A durable queue whose dead letters go to `fail` with its own name as the key."""
    return queue(name, {"x-dead-letter-exchange": fail, "x-dead-letter-routing-key": name})


def bound(source: str, key: str, destination: str, **arguments: Any) -> Binding:
    """A binding to a queue."""
    return Binding(source=source, destination=destination, routing_key=key, arguments=Arguments.of(arguments))


def linked(source: str, key: str, destination: str) -> Binding:
    """A binding to an exchange."""
    return Binding(
        source=source, destination=destination, routing_key=key, destination_type=DestinationType.EXCHANGE
    )


def by_name(*nouns: Any) -> dict[str, Any]:
    """Nouns by their names."""
    return {noun.name: noun for noun in nouns}


def desired_of(
    topology: str,
    orgs: Mapping[str, str] | None = None,
    *,
    scope: Collection[str] | None = None,
    with_routes: bool = False,
) -> Desired:
    """What a spec of these texts wants. `orgs` maps names to the text of their files."""
    files = {"topology.yaml": topology, **{f"orgs/{org}.yaml": text for org, text in (orgs or {}).items()}}
    with tempfile.TemporaryDirectory() as directory:
        return load_desired(read_topology(written(files, Path(directory))), orgs=scope, with_routes=with_routes)


def paths_in(value: Any) -> list[tuple[Any, ...]]:
    """The way to everything in a document, keys and indexes, the document itself first."""
    inner: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [(), *((step, *path) for step, one in inner for path in paths_in(one))]
