"""Whatever answers, or does not: one sentence, the right class, no password."""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.http.client import ManagementApi
from proca_topo.broker.http.errors import ServerError, bad_login
from proca_topo.broker.management import ManagementBroker
from proca_topo.broker.reading.listing import list_bindings
from proca_topo.errors import (
    AccessError,
    BrokerError,
    NotRabbitMQError,
    UnreachableError,
    VhostMissingError,
)
from tests.broker.servers import http_server, mute_server
from tests.brokers.fixtures import TestBroker

HTML = (200, "text/html", "<html>hunter2</html>")
JSON = "application/json"


def _failure(url: str) -> BrokerError:
    broker = ManagementBroker(address(url, username="somebody", password="hunter2"))
    try:
        with pytest.raises(BrokerError) as failed:
            broker.read("/")
    finally:
        broker.close()
    text = str(failed.value)
    assert "\n" not in text
    assert "hunter2" not in text
    return failed.value


@contextmanager
def _api(answer: tuple[int, str, str]) -> Iterator[ManagementApi]:
    with http_server([answer]) as url, closing(ManagementApi(address(url))) as api:
        yield api


def _tries(caplog: pytest.LogCaptureFixture) -> int:
    """How often the API was asked: each time is a line of the log."""
    return sum(record.getMessage().startswith("GET ") for record in caplog.records)


def test_nothing_listens(caplog: pytest.LogCaptureFixture, deaf_port: int) -> None:
    """A refused connection fails fast: it is a wrong URL more often than a broker that restarts."""
    caplog.set_level(logging.INFO, "proca_topo.broker")
    failure = _failure(f"http://127.0.0.1:{deaf_port}")
    assert isinstance(failure, UnreachableError)
    assert "nothing listens at http://127.0.0.1:" in str(failure)
    assert _tries(caplog) == 2


def test_the_name_does_not_resolve() -> None:
    failure = _failure("http://no-such-host.invalid:15672")
    assert isinstance(failure, UnreachableError)
    assert "host name in http://no-such-host.invalid:15672 cannot be resolved" in str(failure)


@pytest.mark.parametrize(
    "answer",
    [
        HTML,
        (200, JSON, "{}"),
        (200, JSON, "[1, 2]"),
        (200, JSON, "[" * 100_000),
        (404, JSON, "[" * 100_000),
        (200, JSON, '{"version": 1}'),
        (404, "text/html", "<html>not here</html>"),
        (404, JSON, '{"message": "not here"}'),
        (204, JSON, ""),
    ],
)
def test_another_server_answers(answer: tuple[int, str, str]) -> None:
    with http_server([answer]) as url:
        failure = _failure(url)
    assert isinstance(failure, NotRabbitMQError)
    assert f"{url} is not RabbitMQ's management API" in str(failure)


def test_a_redirect_is_shown() -> None:
    with http_server([(301, "text/html", "")], headers={"location": "https://elsewhere/"}) as url:
        failure = _failure(url)
    assert isinstance(failure, NotRabbitMQError)
    assert "redirects to https://elsewhere/" in str(failure)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ((400, JSON, '{"error": "bad_request", "reason": "no"}'), "answers GET /queues/v/q with 400: no"),
        ((403, JSON, '{"error": "forbidden", "reason": "no"}'), "answers GET /queues/v/q with 403: no"),
        ((200, JSON, '{"messages'), "it answers GET /queues/v/q with JSON that is cut off or broken"),
        ((200, JSON, "[]"), "is not RabbitMQ's management API: it answers GET /queues/v/q with something else"),
    ],
)
def test_only_an_object_is_taken_for_one(answer: tuple[int, str, str], expected: str) -> None:
    """A refusal looked like a queue without messages, and a list like one that has gone."""
    with _api(answer) as api, pytest.raises(BrokerError, match=re.escape(expected)):
        api.find("/queues/v/q")


def test_a_list_of_something_else_is_not_rabbitmqs() -> None:
    expected = "with something else than a list of objects"
    with _api((200, JSON, "[1, 2]")) as api, pytest.raises(NotRabbitMQError, match=expected):
        api.get_list("/queues/v")


def test_bindings_that_a_proxy_does_not_let_through_are_no_fault_of_a_binding() -> None:
    """RabbitMQ's own 500 may be: then the sentence says so."""
    with _api((503, "text/html", "")) as api, pytest.raises(ServerError) as failed:
        list_bindings(api, "/bindings/v")
    assert "'~'" not in str(failed.value)


def test_a_proxy_forbids_it() -> None:
    with http_server([(403, "text/html", "<html>no</html>")]) as url:
        failure = _failure(url)
    assert isinstance(failure, AccessError)
    assert "forbids GET /overview" in str(failure)


def test_tls_where_there_is_none() -> None:
    with http_server([HTML]) as url:
        failure = _failure(url.replace("http:", "https:"))
    assert isinstance(failure, NotRabbitMQError)
    assert "does not speak TLS: write http://" in str(failure)


def test_no_tls_where_there_is_some() -> None:
    with http_server([HTML], tls=True) as url:
        failure = _failure(url.replace("https:", "http:"))
    assert isinstance(failure, UnreachableError | NotRabbitMQError)
    assert "check the port" in str(failure) or "write https://" in str(failure)


def test_a_certificate_that_nobody_vouches_for() -> None:
    with http_server([HTML], tls=True) as url:
        failure = _failure(url)
    assert isinstance(failure, UnreachableError)
    assert re.search(r"certificate of \S+ is not trusted \(.*\): .*SSL_CERT_FILE", str(failure))


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (b"AMQP\x00\x00\x09\x01", "is an AMQP port"),
        (b"\x15\x03\x03\x00\x02\x02\x46", "write https://"),
        (b"220 mail.example.org ESMTP\r\n", "does not speak HTTP"),
    ],
)
def test_another_protocol(says: bytes, expected: str) -> None:
    with mute_server(says=says) as port:
        failure = _failure(f"http://127.0.0.1:{port}")
    assert isinstance(failure, NotRabbitMQError)
    assert expected in str(failure)


@pytest.mark.broker
def test_the_amqp_port(broker_urls: TestBroker) -> None:
    failure = _failure(re.sub(r"amqp://([^@]*@)?", "http://", broker_urls.amqp_url))
    assert isinstance(failure, NotRabbitMQError)
    assert "is an AMQP port, not the management API" in str(failure)


@pytest.mark.broker
def test_a_wrong_password(where: BrokerAddress) -> None:
    failure = _failure(where.location)
    assert isinstance(failure, AccessError)
    assert "does not accept the user 'somebody'" in str(failure)
    assert "PROCA_TOPO_PASSWORD" in str(failure)


def test_a_wrong_password_in_the_url_is_to_be_mended_there() -> None:
    with http_server([(401, JSON, '{"error": "not_authorised", "reason": "Login failed"}')]) as url:
        failure = _failure(url.replace("http://", "http://somebody:hunter2@"))
        assert isinstance(failure, AccessError)
        assert str(failure).endswith(": mend them in the broker's URL (--broker or PROCA_TOPO_BROKER)")
        halfway = _failure(url.replace("http://", "http://somebody@"))
        assert str(halfway).endswith(
            ": set PROCA_TOPO_PASSWORD, or mend the user in the broker's URL (--broker or PROCA_TOPO_BROKER)"
        )


@pytest.mark.broker
def test_a_vhost_that_is_not_there(management: ManagementBroker) -> None:
    with pytest.raises(VhostMissingError, match=r"there is no vhost 'nope' on http://"):
        management.read("nope")
    with pytest.raises(BrokerError, match=r"the vhost '\.\.' cannot be reached"):
        management.read("..")


@pytest.mark.parametrize(("status", "tries"), [(500, 4), (503, 7)])
def test_a_broker_that_stays_broken(status: int, tries: int, caplog: pytest.LogCaptureFixture) -> None:
    """It is tried for a while, and then told."""
    caplog.set_level(logging.INFO, "proca_topo.broker")
    with http_server([(status, JSON, '{"error": "x", "reason": "broken\\nhere"}')]) as url:
        failure = _failure(url)
    assert re.search(rf"answers GET /overview\S* with {status}: broken here", str(failure))
    assert str(failure).endswith("; see the broker's log, and try again once that is mended")
    assert _tries(caplog) == tries


def test_a_proxy_that_limits_requests_is_tried_for_a_while_and_then_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "proca_topo.broker")
    with http_server([(429, JSON, '{"error": "too_many_requests", "reason": "slow down"}')]) as url:
        failure = _failure(url)
    assert str(failure).endswith(" with 429: slow down; a proxy before it limits requests: try again later")
    assert _tries(caplog) == 7


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_broker_that_comes_back(status: int) -> None:
    """The trouble is over after two tries: nobody hears of it."""
    overview = {"rabbitmq_version": "4.0.5", "cluster_name": "c"}
    answers = [
        (status, "text/html", "<html>bad gateway</html>"),
        (status, JSON, "{}"),
        (200, JSON, json.dumps(overview)),
        (404, JSON, '{"error": "Object Not Found", "reason": "Not Found"}'),
    ]
    with http_server(answers) as url:
        failure = _failure(url)
    assert isinstance(failure, VhostMissingError)


@pytest.mark.broker
def test_each_request_is_logged_without_secrets(
    where: BrokerAddress, management: ManagementBroker, vhost: str, caplog: pytest.LogCaptureFixture
) -> None:
    exchanges = management.read(vhost).exchanges  # a node that has just started may answer only when asked again
    caplog.set_level("INFO", logger="proca_topo.broker")
    caplog.clear()
    management.read(vhost)
    lines = [record.getMessage() for record in caplog.records if record.name == "proca_topo.broker"]
    # A node that is up for less than half a minute is asked once more for its queues, without counts.
    again = [line for line in lines if "/queues/" in line and "enable_queue_totals" not in line]
    assert len(lines) - len(again) == 6 + len(exchanges)  # each exchange is asked for its bindings
    assert all(re.fullmatch(rf"GET {re.escape(where.location)}/api/\S+ 200, \d+ ms", line) for line in lines)


@pytest.mark.parametrize(
    ("method", "path", "tag"),
    [
        ("GET", "/policies/v", "policymaker"),
        ("PUT", "/policies/v/p", "policymaker"),
        ("GET", "/operator-policies/v", "policymaker"),
        ("GET", "/connections/127.0.0.1%3A1", "monitoring"),
        ("GET", "/nodes?columns=name", "monitoring"),
        ("DELETE", "/connections/127.0.0.1%3A1", "administrator"),
    ],
)
def test_the_tag_that_is_needed_depends_on_what_was_asked(method: str, path: str, tag: str) -> None:
    """RabbitMQ's own sentence is the same for all."""
    there = address("http://127.0.0.1:15672", username="somebody", password="hunter2")
    said = str(bad_login("User not authorised to access object", there, method, path))
    assert f"the tag '{tag}'; give it to the user (`rabbitmqctl set_user_tags somebody {tag}`" in said


def test_of_what_else_is_refused_no_tag_is_guessed() -> None:
    there = address("http://127.0.0.1:15672", username="somebody", password="hunter2")
    said = str(bad_login("User not authorised to access object", there, "POST", "/definitions/v"))
    assert said.endswith(": give the user the tag and the permissions for it")


def test_what_forbids_changes_is_asked_again_before_each_try(caplog: pytest.LogCaptureFixture) -> None:
    """While a broker restarts the lock is lost, and what is tried again then could undo what another has done."""
    caplog.set_level(logging.INFO, "proca_topo.broker")
    answers = iter([None, BrokerError("the lock was lost")])

    def guard() -> None:
        if (error := next(answers)) is not None:
            raise error

    with _api((503, JSON, "{}")) as api:
        api.guard = guard
        with pytest.raises(BrokerError, match="the lock was lost"):
            api.delete("/bindings")
        assert [record.getMessage().split()[0] for record in caplog.records] == ["DELETE"]
        with pytest.raises(ServerError):
            api.get_list("/bindings")
