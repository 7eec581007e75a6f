"""A broker of its own, and the plumbing topology with as many orgs as wanted."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from proca_topo.sandbox.node import PASSWORD, USERNAME, Node

EXAMPLE = Path(__file__).parent.parent / "examples" / "plumbing-3.0.2"

# Every way to see a whole vhost that RabbitMQ offers; the bench takes the fastest as the floor.
LISTINGS = {
    "definitions": ("definitions/{vhost}",),
    "listings": (
        "queues/{vhost}?disable_stats=true&enable_queue_totals=true",
        "bindings/{vhost}",
        "exchanges/{vhost}?disable_stats=true",
        "policies/{vhost}",
    ),
}


@dataclass(frozen=True, kw_only=True)
class World:
    """The broker, and raw requests to it."""

    node: Node
    http: httpx.Client

    @property
    def environment(self) -> dict[str, str]:
        """What points proca-topo at the broker."""
        return {
            "PROCA_TOPO_BROKER": self.node.management_url,
            "PROCA_TOPO_AMQP": self.node.amqp_url,
            "PROCA_TOPO_USERNAME": USERNAME,
            "PROCA_TOPO_PASSWORD": PASSWORD,
        }

    def empty_vhost(self, name: str) -> None:
        """Make a vhost, or make it anew if it is there."""
        self.http.delete(f"/api/vhosts/{name}")
        self.http.put(f"/api/vhosts/{name}").raise_for_status()
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        self.http.put(f"/api/permissions/{name}/{USERNAME}", json=everything).raise_for_status()

    def drop_vhost(self, name: str) -> None:
        """Delete a vhost."""
        self.http.delete(f"/api/vhosts/{name}").raise_for_status()

    def raw_import(self, vhost: str, definitions: bytes) -> None:
        """One definitions import, as any tool can do it."""
        self.http.post(
            f"/api/definitions/{vhost}", content=definitions, headers={"content-type": "application/json"}
        ).raise_for_status()

    def raw_listing(self, vhost: str, paths: tuple[str, ...], *, at_once: bool) -> None:
        """Ask for the listings and take the bodies in, without looking at them."""

        def ask(path: str) -> int:
            return len(self.http.get(f"/api/{path.format(vhost=vhost)}").raise_for_status().content)

        if at_once:
            with ThreadPoolExecutor(len(paths)) as threads:
                list(threads.map(ask, paths))
        else:
            for path in paths:
                ask(path)


def client(node: Node) -> httpx.Client:
    """A client of the node's management API."""
    return httpx.Client(base_url=node.management_url, auth=(USERNAME, PASSWORD), timeout=600)


def write_spec(directory: Path, orgs: int) -> None:
    """The plumbing topology with so many orgs, each with SQS: three queues and four bindings an org."""
    shutil.copy(EXAMPLE / "topology.yaml", directory / "topology.yaml")
    (directory / "orgs").mkdir()
    for number in range(orgs):
        (directory / "orgs" / f"org{number:05}.yaml").write_text("options: {sqs: true}\n")
