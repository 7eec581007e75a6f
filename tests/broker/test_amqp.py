"""Publishing, and every way in which it can fail."""

import ssl
from dataclasses import replace

import httpx
import pika
import pytest
from pika.exceptions import ConnectionClosedByBroker

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.amqp.client import not_gone, publish
from proca_topo.broker.amqp.errors import amqp_failure
from proca_topo.errors import (
    AccessError,
    BrokerError,
    NotRabbitMQError,
    UnreachableError,
    UnroutableError,
    VhostMissingError,
)
from proca_topo.sandbox.installation import Installation
from proca_topo.sandbox.node import running_node
from tests.broker.raw import Raw
from tests.broker.servers import http_server, mute_server
from tests.brokers.fixtures import TestBroker


def _failure(where: BrokerAddress, vhost: str = "/", exchange: str = "e", key: str = "k") -> BrokerError:
    with pytest.raises(BrokerError) as failed:
        publish(where, vhost, exchange=exchange, routing_key=key, body=b"{}")
    assert "\n" not in str(failed.value)
    assert "hunter2" not in str(failed.value)
    return failed.value


def _at(port: int, scheme: str = "amqp") -> BrokerAddress:
    url = f"{scheme}://somebody:hunter2@127.0.0.1:{port}"
    return BrokerAddress(management_url=None, file=None, username="somebody", password="hunter2", amqp_url=url)


@pytest.mark.broker
def test_a_wrong_password_in_a_url_is_to_be_mended_there(where: BrokerAddress) -> None:
    port = where.amqp_location.rpartition(":")[2]
    amqp = f"amqp://127.0.0.1:{port}"
    in_amqp = address("http://h", amqp=amqp.replace("//", "//guest:hunter2@"))
    assert str(_failure(in_amqp)).endswith(": mend them in the AMQP URL (--amqp or PROCA_TOPO_AMQP)")
    in_broker = address("http://guest:hunter2@h", amqp=amqp)
    assert str(_failure(in_broker)).endswith(": mend them in the broker's URL (--broker or PROCA_TOPO_BROKER)")
    in_environment = address("http://h", amqp=amqp, username="guest", password="hunter2")
    assert str(_failure(in_environment)).endswith(": set PROCA_TOPO_USERNAME and PROCA_TOPO_PASSWORD")


@pytest.mark.broker
def test_a_message_is_kept(where: BrokerAddress, vhost: str, broker_urls: TestBroker, raw: Raw) -> None:
    """Persistent, as JSON, with its key as it is, and confirmed: it can be read at once."""
    raw.put("exchanges", "e", type="topic", durable=True)
    raw.put("queues", "q", durable=True)
    raw.bind("e", "q", "#")
    publish(where, vhost, exchange="e", routing_key="a.ü", body='{"a": "é"}'.encode())
    connection = pika.BlockingConnection(pika.URLParameters(broker_urls.amqp_url + vhost))
    method, properties, body = connection.channel().basic_get("q", auto_ack=True)
    connection.close()
    assert (method.exchange, method.routing_key, body) == ("e", "a.ü", '{"a": "é"}'.encode())
    assert (properties.content_type, properties.delivery_mode) == ("application/json", 2)


@pytest.mark.broker
def test_nobody_is_bound_for_it(where: BrokerAddress, vhost: str, raw: Raw) -> None:
    raw.put("exchanges", "e", type="topic", durable=True)
    failure = _failure(where, vhost)
    assert isinstance(failure, UnroutableError)
    assert "no queue is bound for the exchange 'e' with the key 'k'" in str(failure)


@pytest.mark.broker
def test_there_is_no_such_exchange(where: BrokerAddress, vhost: str) -> None:
    assert "no exchange 'e' in vhost" in str(_failure(where, vhost))


@pytest.mark.broker
def test_there_is_no_such_vhost(where: BrokerAddress) -> None:
    failure = _failure(where, "nope")
    assert isinstance(failure, VhostMissingError)
    assert "there is no vhost 'nope' on amqp://" in str(failure)


@pytest.mark.broker
def test_a_vhost_that_is_gone_since_it_was_seen_is_not_blamed_on_another_broker(where: BrokerAddress) -> None:
    """A client that asks for a vhost that is not there is not told by AMQP whose broker it is."""
    failure = _failure(replace(where, cluster_name="rabbit@here"), "nope")
    assert str(failure) == (
        f"there is no vhost 'nope' on {where.amqp_location}, though {where.location} has shown it: either it was"
        " deleted since, or these are two brokers; then give --broker and --amqp (or PROCA_TOPO_BROKER and"
        " PROCA_TOPO_AMQP) of one broker"
    )


@pytest.mark.broker
def test_a_full_queue_rejects_it(where: BrokerAddress, vhost: str, raw: Raw) -> None:
    raw.put("exchanges", "e", type="topic", durable=True)
    raw.put("queues", "q", durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    raw.bind("e", "q", "#")
    publish(where, vhost, exchange="e", routing_key="k", body=b"1")
    assert "a queue bound for it is full" in str(_failure(where, vhost))


@pytest.mark.broker
def test_a_wrong_password(where: BrokerAddress) -> None:
    failure = _failure(replace(where, amqp_url=(where.amqp_url or "").replace("guest:guest", "guest:hunter2")))
    assert isinstance(failure, AccessError)
    assert "PROCA_TOPO_AMQP" in str(failure)


@pytest.mark.broker
def test_a_user_without_permissions(where: BrokerAddress, http: httpx.Client, vhost: str, raw: Raw) -> None:
    raw.put("exchanges", "e", type="topic", durable=True)
    user = f"user-{vhost}"
    http.put(f"/api/users/{user}", json={"password": "hunter2", "tags": ""}).raise_for_status()
    theirs = replace(where, amqp_url=(where.amqp_url or "").replace("guest:guest", f"{user}:hunter2"))
    try:
        refused = _failure(theirs, vhost)
        assert isinstance(refused, AccessError)
        assert "does not let the AMQP user into the vhost" in str(refused)
        nothing = {"configure": "", "write": "", "read": ""}
        http.put(f"/api/permissions/{vhost}/{user}", json=nothing).raise_for_status()
        refused = _failure(theirs, vhost)
        assert isinstance(refused, AccessError)
        assert "exchange 'e'" in str(refused)
    finally:
        http.delete(f"/api/users/{user}")


@pytest.mark.broker
def test_the_management_port(broker_urls: TestBroker) -> None:
    failure = _failure(_at(httpx.URL(broker_urls.management_url).port or 0))
    assert isinstance(failure, NotRabbitMQError)
    assert "does not speak AMQP: check the port" in str(failure)


@pytest.mark.broker
def test_tls_where_there_is_none(where: BrokerAddress) -> None:
    failure = _failure(_at(httpx.URL((where.amqp_url or "").replace("amqp:", "http:")).port or 0, "amqps"))
    assert isinstance(failure, NotRabbitMQError)
    assert "TLS with amqps://127.0.0.1" in str(failure)


def test_nothing_listens(deaf_port: int) -> None:
    failure = _failure(_at(deaf_port))
    assert isinstance(failure, UnreachableError)
    assert "nothing listens at amqp://127.0.0.1:" in str(failure)


def test_the_name_does_not_resolve() -> None:
    nowhere = replace(_at(1), amqp_url="amqp://u:hunter2@no-such-host.invalid:5672")
    assert "the host name in amqp://no-such-host.invalid:5672 cannot be resolved" in str(_failure(nowhere))


def test_what_listens_says_nothing() -> None:
    with mute_server() as port:
        failure = _failure(_at(port))
    assert isinstance(failure, UnreachableError)
    assert "does not answer as an AMQP port does" in str(failure)


def test_a_certificate_that_nobody_vouches_for() -> None:
    with http_server([(200, "text/html", "")], tls=True) as url:
        failure = _failure(_at(httpx.URL(url).port or 0, "amqps"))
    assert isinstance(failure, UnreachableError)
    assert "SSL_CERT_FILE" in str(failure)
    assert ssl.OPENSSL_VERSION not in str(failure)


def test_a_file_has_no_amqp_port() -> None:
    assert "set PROCA_TOPO_AMQP" in str(_failure(replace(_at(1), amqp_url=None)))


@pytest.mark.broker
def test_an_alarm_blocks_publishers(installation: Installation) -> None:
    """A broker without memory takes no messages: told after 10 s, instead of waiting for ever."""
    with running_node(installation, extra_conf="vm_memory_high_watermark.absolute = 1MB\n") as node:
        failure = _failure(replace(_at(1), amqp_url=node.amqp_url.rstrip("/")), exchange="amq.topic")
    assert isinstance(failure, UnreachableError)
    assert "memory or disk alarm" in str(failure)


@pytest.mark.broker
def test_what_is_gone_is_told_from_what_is_there(where: BrokerAddress, vhost: str, raw: Raw) -> None:
    """One question for each, also after one that was answered with an error. tests/torture stops a node for it."""
    raw.put("queues", "there", durable=True)
    assert not_gone(where, vhost, ["never", "there", "gone"]) == {"there": ""}


def test_a_cluster_without_a_majority_is_told_as_that() -> None:
    """As RabbitMQ 4.3 says it where one node of three is left."""
    said = "INTERNAL_ERROR - Could not declare queue 'q' because the metadata store operation timed out"
    failure = amqp_failure(ConnectionClosedByBroker(541, said), address("http://h"), "/", connected=True)
    assert str(failure) == (
        "RabbitMQ at amqp://h:5672 has failed in what was asked of it (541): Could not declare queue 'q' because"
        " the metadata store operation timed out; that takes more than half of the cluster's nodes: start those"
        " that are down, and try again"
    )
