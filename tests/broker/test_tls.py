"""What is wrong with TLS is told by its own name, with what mends it, over HTTP and over AMQP."""

import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from pika.exceptions import StreamLostError

from proca_topo.broker.address import BrokerAddress, address
from proca_topo.broker.amqp.client import publish
from proca_topo.broker.amqp.errors import amqp_failure
from proca_topo.broker.http.client import ManagementApi
from proca_topo.errors import BrokerError, UnreachableError, UsageError
from tests.broker.servers import http_server, pem

ANSWERS = [(200, "application/json", "{}")]


def _over_http(where: BrokerAddress) -> None:
    api = ManagementApi(where)
    try:
        api.get_object("/overview")
    finally:
        api.close()


def _over_amqp(where: BrokerAddress) -> None:
    publish(where, "/", exchange="e", routing_key="k", body=b"{}")


both = pytest.mark.parametrize("ask", [_over_http, _over_amqp])
Ask = Callable[[BrokerAddress], None]


def _failure(ask: Ask, url: str) -> str:
    with pytest.raises(BrokerError) as failed:
        ask(address(url, amqp=url.replace("https", "amqps")))
    assert isinstance(failed.value, UnreachableError)
    assert "_ssl.c" not in str(failed.value)
    return str(failed.value)


def test_a_certificate_that_is_vouched_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem("self-signed")))
    with http_server(ANSWERS, tls=True) as url:
        _over_http(address(url))


@both
@pytest.mark.parametrize(
    ("certificate", "remedy"),
    [
        ("expired", "(certificate has expired): renew it on the broker, or set this machine's clock"),
        ("not-yet-valid", "(certificate is not yet valid): set this machine's clock"),
        (
            "another-host",
            "(IP address mismatch, certificate is not valid for '127.0.0.1'): use a host name that is",
        ),
    ],
)
def test_a_certificate_that_does_not_hold(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, certificate: str, remedy: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem(certificate)))
    with http_server(ANSWERS, tls=True, certificate=certificate) as url:
        failure = _failure(ask, url)
    assert remedy in failure
    assert "SSL_CERT_FILE" not in failure


@both
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_of_ours_is_demanded(
    monkeypatch: pytest.MonkeyPatch, ask: Ask, version: ssl.TLSVersion
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(pem("self-signed")))
    with http_server(ANSWERS, tls=True, demands=version) as url:
        failure = _failure(ask, url)
    assert "demand" in failure
    assert "a certificate of its clients" in failure


@both
@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file or directory"), ("not a certificate", "no certificate is in it")]
)
def test_a_file_of_authorities_that_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ask: Ask, content: str | None, reason: str
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(UsageError) as wrong:
        ask(address("https://127.0.0.1:1"))
    assert str(wrong.value) == (
        f"SSL_CERT_FILE is {path}, which cannot be used ({reason}): name a PEM file of certificate authorities, or"
        " unset it"
    )


@pytest.mark.parametrize("tls", [False, True])
def test_a_broker_that_has_answered_goes_away(monkeypatch: pytest.MonkeyPatch, *, tls: bool) -> None:
    """That its port may be a wrong one is no news any more."""
    monkeypatch.setenv("SSL_CERT_FILE", str(pem("self-signed")))
    monkeypatch.setattr("time.sleep", lambda _: None)
    with http_server(ANSWERS, tls=tls) as url:
        api = ManagementApi(address(url))
        api.get_object("/overview")
    with pytest.raises(UnreachableError) as gone:
        api.get_object("/overview")
    api.close()
    assert str(gone.value) == (
        f"{url} does not answer any more: the broker or the network went away; once it is back, run the same"
        " command again"
    )


def test_a_connection_that_was_there_is_lost() -> None:
    lost = StreamLostError("Stream connection lost: ConnectionResetError(104, 'Connection reset by peer')")
    assert str(amqp_failure(lost, address("http://h"), "/", connected=True)) == (
        "the connection to amqp://h:5672 was lost (StreamLostError): the broker or the network went away;"
        " try again once it is back"
    )
