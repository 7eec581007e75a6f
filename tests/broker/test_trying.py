"""Whether the user may move messages is found out without touching any."""

import httpx
import pytest

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.amqp.client import QueueCounts, publish, queue_counts
from proca_topo.broker.management import ManagementBroker
from proca_topo.broker.moving import trying
from proca_topo.topology.nouns import Queue
from tests.broker.nouns import silent

pytestmark = pytest.mark.broker

ALL = ["configure 'q'", "read 'q'", "configure 'ours'", "read 'ours'", "write to 'ours'"]


@pytest.mark.parametrize("queue_type", ["classic", "quorum"])
@pytest.mark.parametrize(
    ("permissions", "lacking"),
    [
        ((".*", ".*", ".*"), []),
        (("", "", ""), ALL),
        (("^q$", ".*", ".*"), ["configure 'ours'"]),
        ((".*", "^q$", ".*"), ["write to 'ours'"]),
        ((".*", ".*", "^ours$"), ["read 'q'"]),
        (("^ours$", ".*", ".*"), ["configure 'q'"]),
    ],
)
def test_what_a_user_may_not_do_is_named_and_no_message_is_touched(  # noqa: PLR0917 - fixtures
    queue_type: str,
    permissions: tuple[str, str, str],
    lacking: list[str],
    where: BrokerAddress,
    management: ManagementBroker,
    http: httpx.Client,
    vhost: str,
) -> None:
    """Nothing is declared by asking, and what waits is neither taken nor marked as redelivered."""
    management.declare(vhost, [Queue(name="q", type=queue_type)], silent)
    publish(where, vhost, exchange="", routing_key="q", body=b"x")
    http.put(f"/api/users/{vhost}", json={"password": "x", "tags": ""}).raise_for_status()
    names = dict(zip(("configure", "write", "read"), permissions, strict=True))
    http.put(f"/api/permissions/{vhost}/{vhost}", json=names).raise_for_status()
    try:
        amqp = f"amqp://{where.amqp_location.removeprefix('amqp://')}"
        user = address(where.location, amqp=amqp, username=vhost, password="x")
        assert trying.lacking(user, vhost, "q", "ours") == lacking
    finally:
        http.delete(f"/api/users/{vhost}")
    assert set(management.read(vhost).queues) == {"q"}
    assert queue_counts(where, vhost, ["q"]) == {"q": QueueCounts(ready=1, consumers=0)}
    asked = {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"}
    (message,) = http.post(f"/api/queues/{vhost}/q/get", json=asked).json()
    assert message["redelivered"] is False
    assert message["properties"].get("headers", {}).get("x-delivery-count", 0) == 0
