"""A broker of its own, and the plumbing topology with as many orgs as wanted."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx

from proca_topo.sandbox.node import PASSWORD, USERNAME, Node

EXAMPLE = Path(__file__).parent.parent / "examples" / "plumbing-3.0.2"

COUNTED = "disable_stats=true&enable_queue_totals=true"
COLUMNS = "name,type,durable,auto_delete,exclusive,arguments,messages_ready,messages_unacknowledged"
# {exchange} stands for a request for each exchange.
OTHERS = ("exchanges/{vhost}?disable_stats=true", "policies/{vhost}")

# Every way to see a whole vhost that RabbitMQ offers; the bench takes the fastest as the floor.
LISTINGS = {
    "definitions": ("definitions/{vhost}",),
    "listings": (f"queues/{{vhost}}?{COUNTED}", "bindings/{vhost}", *OTHERS),
    "listings of the columns needed": (
        f"queues/{{vhost}}?{COUNTED}&columns={COLUMNS}",
        "bindings/{vhost}",
        *OTHERS,
    ),
    "listings of the columns needed, bindings exchange by exchange": (
        f"queues/{{vhost}}?{COUNTED}&columns={COLUMNS}",
        *OTHERS,
        "exchanges/{vhost}/{exchange}/bindings/source",
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
            return len(self.http.get(f"/api/{path}").raise_for_status().content)

        exchanges = self.exchanges(vhost) if any("{exchange}" in path for path in paths) else []
        asked = [
            filled
            for path in paths
            for filled in (
                [path.format(vhost=vhost, exchange=exchange) for exchange in exchanges]
                if "{exchange}" in path
                else [path.format(vhost=vhost)]
            )
        ]
        if at_once:
            with ThreadPoolExecutor(8) as threads:
                list(threads.map(ask, asked))
        else:
            for path in asked:
                ask(path)

    def exchanges(self, vhost: str) -> list[str]:
        """The names of the exchanges, as they stand in a URL."""
        listed = self.http.get(f"/api/exchanges/{vhost}?columns=name").raise_for_status().json()
        return [quote(entry["name"], safe="") for entry in listed if entry["name"]]


def client(node: Node) -> httpx.Client:
    """A client of the node's management API."""
    return httpx.Client(base_url=node.management_url, auth=(USERNAME, PASSWORD), timeout=600)


def write_spec(directory: Path, orgs: int) -> None:
    """The plumbing topology with so many orgs, each with SQS: three queues and four bindings an org."""
    shutil.copy(EXAMPLE / "topology.yaml", directory / "topology.yaml")
    (directory / "orgs").mkdir()
    for number in range(orgs):
        (directory / "orgs" / f"org{number:05}.yaml").write_text("options: {sqs: true}\n")
