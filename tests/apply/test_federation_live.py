"""What another broker has for an exchange is not lost by what is done to the exchange, or to its policy."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pika
import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Replacing
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.node import running_node
from tests.broker.proxy import Proxy, proxy
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import TestBroker, new_vhost
from tests.live import Live, desired_in, live_vhost
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

MESSAGES: Final = 1_000
# So that all of them take a minute: the link takes them one by one.
PAUSE_SECONDS: Final = 0.05
# With a disk that takes its time to write each of them.
SECONDS: Final = 600
FEDERATED: Final = {"federation-upstream-set": "all"}


@dataclass(frozen=True, kw_only=True)
class Federation:
    """A vhost whose exchange `in` is federated, and the vhost that is its upstream."""

    down: Live
    up: Live
    link: Proxy

    def set_policy(self, definition: Mapping[str, Any] | None) -> None:
        path = f"/api/policies/{self.down.path}/theirs"
        if definition is None:
            self.down.http.delete(path).raise_for_status()
            return
        body = {"pattern": "^in$", "apply-to": "exchanges", "definition": definition}
        self.down.http.put(path, json=body).raise_for_status()

    @property
    def bound(self) -> bool:
        """Whether the upstream's queue gets what is published there."""
        listed = self.up.http.get(f"/api/exchanges/{self.up.path}/in/bindings/source").raise_for_status().json()
        return any(binding["destination"].startswith("federation: in") for binding in listed)

    def publish(self) -> None:
        with self.up.channel(confirms=False) as channel:
            channel.tx_select()
            for number in range(MESSAGES):
                channel.basic_publish("in", "a", str(number).encode(), pika.BasicProperties(delivery_mode=2))
            channel.tx_commit()

    def waiting(self) -> int:
        """The messages in the link's queue, of which there is none for a moment when the link begins anew."""
        path = f"/api/queues/{self.up.path}?disable_stats=true&enable_queue_totals=true"
        listed = self.up.http.get(path).raise_for_status().json()
        return sum(queue["messages"] for queue in listed if queue["name"].startswith("federation: in"))

    def arrived(self) -> int:
        return self.down.ready("work")


def write(folder: Path, kind: str, policy: str = "") -> None:
    (folder / "topology.yaml").write_text(
        f"topology: 1\nowns: [in, work, ours]\nexchanges: {{in: {{type: {kind}}}}}\n"
        f"queues: {{work: {{bindings: [{{exchange: in, key: a}}]}}}}\n{policy}"
    )


@pytest.fixture(scope="module")
def federating(installation: Installation) -> Iterator[TestBroker]:
    """A broker that can federate."""
    with running_node(installation, plugins=["rabbitmq_federation"]) as node:
        yield as_broker(node)


@pytest.fixture
def federation(federating: TestBroker, tmp_path: Path) -> Iterator[Federation]:
    """With more on the upstream than comes over in the next seconds."""
    with ExitStack() as stack:
        down, up = (
            stack.enter_context(live_vhost(federating, stack.enter_context(new_vhost(federating)))) for _ in "12"
        )
        write(tmp_path, "topic")
        for live in (down, up):
            live.apply(desired_in(tmp_path))
        link = stack.enter_context(proxy(federating.amqp_url))
        uri = federating.amqp_url.replace(f":{urlsplit(federating.amqp_url).port}/", f":{link.port}/")
        upstream = {"uri": f"{uri}{up.path}", "prefetch-count": 1}
        path = f"/api/parameters/federation-upstream/{down.path}/up"
        down.http.put(path, json={"value": upstream}).raise_for_status()
        found = Federation(down=down, up=up, link=link)
        found.set_policy(FEDERATED)
        wait_until(lambda: found.bound, "the link is there", seconds=SECONDS)
        link.pause_seconds = PAUSE_SECONDS
        found.publish()
        assert found.waiting() > MESSAGES / 2
        yield found


def held_back(report: Report) -> set[str]:
    return {result.change.noun.name for result in report.results if result.status is Status.HELD_BACK}


LINES: Final = "policies:\n  ours: {pattern: ^in$, priority: 1, definition: {alternate-exchange: amq.fanout}}\n"


def test_what_waits_on_the_upstream_comes_over_whatever_is_applied(federation: Federation, tmp_path: Path) -> None:
    down = federation.down
    write(tmp_path, "direct", LINES)
    assert held_back(down.apply(desired_in(tmp_path), replacing=Replacing.IDLE)) == {"in", "ours"}
    (tmp_path / "topology.yaml").write_text("topology: 1\nowns: [in, work]\n")
    gone = {"in", "in -[a]-> work", "work"}
    assert held_back(down.apply(desired_in(tmp_path), with_prune=True)) == gone
    assert federation.waiting() > 0
    federation.link.pause_seconds = 0
    wait_until(lambda: federation.arrived() == MESSAGES, "all of it has come", seconds=SECONDS)
    # As the reason tells to.
    federation.set_policy(None)
    write(tmp_path, "direct", LINES)
    report = down.apply(desired_in(tmp_path), replacing=Replacing.IDLE)
    assert {result.status for result in report.results} == {Status.APPLIED}
    assert federation.arrived() == MESSAGES


def test_rabbitmq_drops_what_waits_on_the_upstream_with_any_change_of_the_policy(federation: Federation) -> None:
    federation.set_policy({**FEDERATED, "alternate-exchange": "amq.fanout"})
    wait_until(lambda: federation.waiting() == 0, "the upstream's queue is gone or another one", seconds=SECONDS)
    assert federation.arrived() < MESSAGES
