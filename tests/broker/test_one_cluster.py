"""A management API and an AMQP port of two clusters: nothing is done on either."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from proca_topo.errors import RefusedError
from proca_topo.topology.nouns import Queue
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.live import Live, live_vhost

pytestmark = pytest.mark.broker


@dataclass(frozen=True, kw_only=True)
class Mixed:
    """What is asked of `named` by HTTP goes to `elsewhere` by AMQP. Both may have the vhost."""

    named: Live
    elsewhere: Live

    def make_vhost_elsewhere(self) -> None:
        self.elsewhere.http.put(f"/api/vhosts/{self.elsewhere.path}").raise_for_status()


@pytest.fixture
def mixed(broker_urls: TestBroker, vhost: str, node_factory: NodeFactory) -> Iterator[Mixed]:
    other = as_broker(node_factory())
    with live_vhost(broker_urls, vhost, amqp_url=other.amqp_url) as named, live_vhost(other, vhost) as elsewhere:
        yield Mixed(named=named, elsewhere=elsewhere)


def test_no_lock_is_taken_on_another_cluster(mixed: Mixed) -> None:
    """It would keep nobody away, and to go on without one would be no better."""
    mixed.make_vhost_elsewhere()
    other = mixed.elsewhere.http.get("/api/overview").json()["cluster_name"]
    with pytest.raises(RefusedError) as refused:
        mixed.named.broker.lock(mixed.named.vhost)
    said = str(refused.value)
    assert f"is of the cluster {other}, and {mixed.named.test_broker.management_url} of the cluster" in said
    assert said.endswith(
        ": give --broker and --amqp (or PROCA_TOPO_BROKER and PROCA_TOPO_AMQP) of one broker; if they are nodes of"
        " one cluster it has no name, so give it one with `rabbitmqctl set_cluster_name NAME`"
    )
    assert "--no-lock" not in said


def test_a_vhost_that_only_one_of_them_has(mixed: Mixed) -> None:
    with pytest.raises(RefusedError, match=r"there is no vhost .* on amqp://.*, though http://.* of one broker"):
        mixed.named.broker.lock(mixed.named.vhost)


def test_nothing_is_deleted_on_another_cluster(mixed: Mixed) -> None:
    """Not even what no URL can name, which takes AMQP."""
    mixed.make_vhost_elsewhere()
    with mixed.elsewhere.channel() as channel:
        channel.queue_declare("..", durable=True)
    existing = mixed.named.broker.read(mixed.named.vhost)
    [failure] = mixed.named.broker.delete(existing, [Queue(name="..", type="classic")], lambda _: None)
    assert "is of the cluster" in failure.reason
    assert list(mixed.elsewhere.broker.read(mixed.elsewhere.vhost).queues) == [".."]


def test_consumers_are_not_counted_on_another_cluster(mixed: Mixed) -> None:
    """A queue that nobody consumes from there may be in use here."""
    mixed.make_vhost_elsewhere()
    for one in (mixed.named, mixed.elsewhere):
        one.http.put(f"/api/queues/{one.path}/work", json={"durable": True}).raise_for_status()
    mixed.named.broker.read(mixed.named.vhost)
    assert mixed.named.broker.look(mixed.named.vhost, ["work"])["work"].consumers is None
