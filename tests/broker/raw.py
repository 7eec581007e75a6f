"""RabbitMQ's own door to one vhost."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx


@dataclass(frozen=True, kw_only=True)
class Raw:
    """One vhost through RabbitMQ's own door."""

    http: httpx.Client
    vhost: str

    def put(self, kind: str, name: str, **body: Any) -> None:
        """Declare a queue, an exchange or a policy as anybody could."""
        self._send("PUT", f"/api/{kind}/{self.vhost}/{quote(name, safe='')}", body)

    def bind(self, source: str, queue: str, key: str, arguments: dict[str, Any] | None = None) -> None:
        """Bind a queue as anybody could."""
        path = f"/api/bindings/{self.vhost}/e/{quote(source, safe='')}/q/{quote(queue, safe='')}"
        self._send("POST", path, {"routing_key": key, "arguments": arguments or {}})

    def names(self, kind: str) -> set[str]:
        """The names that RabbitMQ lists, without its own."""
        listed = self.http.get(f"/api/{kind}/{self.vhost}").raise_for_status().json()
        return {entry["name"] for entry in listed if entry["name"] and not entry["name"].startswith("amq.")}

    def _send(self, method: str, path: str, body: dict[str, Any]) -> None:
        self.http.request(method, path, json=body).raise_for_status()
