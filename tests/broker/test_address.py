from pathlib import Path

import pytest

from proca_topo.broker.address import address
from proca_topo.broker.http.client import ManagementApi
from proca_topo.errors import UsageError


def test_without_anything_it_is_rabbitmq_as_installed() -> None:
    where = address(None)
    assert where.management_url == "http://127.0.0.1:15672"
    assert where.amqp_url == "amqp://guest:guest@127.0.0.1:5672"
    assert (where.username, where.password, where.file) == ("guest", "guest", None)


@pytest.mark.parametrize(
    ("broker", "management_url", "amqp_url"),
    [
        ("http://h:15672/", "http://h:15672", "amqp://guest:guest@h:5672"),
        ("https://h", "https://h", "amqps://guest:guest@h:5671"),
        ("http://u:p%2Fw@h:1/api/", "http://h:1", "amqp://u:p%2Fw@h:5672"),
        ("http://h:15672/#/queues", "http://h:15672", "amqp://guest:guest@h:5672"),
        ("https://h/rabbit/api", "https://h/rabbit", "amqps://guest:guest@h:5671"),
        ("http://[::1]:15672", "http://[::1]:15672", "amqp://guest:guest@[::1]:5672"),
    ],
)
def test_a_url_gives_both_ports(broker: str, management_url: str, amqp_url: str) -> None:
    """Credentials move out of the management URL, and AMQP is on the same host by default."""
    where = address(broker)
    assert (where.management_url, where.amqp_url) == (management_url, amqp_url)


def test_credentials_in_the_url_win() -> None:
    where = address("http://u:p@h", username="other", password="secret")
    assert (where.username, where.password) == ("u", "p")
    assert address("http://u@h", password="secret").password == "secret"
    assert address("http://h", username="other", password="secret").username == "other"


def test_amqp_has_its_own_host_and_credentials() -> None:
    where = address("https://u:p@h", amqp="amqp://a:b@other:5673/vhost")
    assert where.amqp_url == "amqp://a:b@other:5673"
    assert where.amqp_location == "amqp://other:5673"
    assert address("https://u:p@h", amqp="amqps://other").amqp_url == "amqps://u:p@other:5671"


def test_a_path_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    where = address(str(path))
    assert (where.file, where.management_url, where.amqp_url, where.location) == (path, None, None, str(path))


@pytest.mark.parametrize(
    ("broker", "amqp"),
    [
        ("amqp://u:hunter2@h", None),
        ("http://u:hunter2@h:port", None),
        ("http://u:hunter2/x@h", None),
        ("http://u:hunter2@", None),
        ("http://u:hunter2@h:99999", None),
        ("ftp://u:hunter2@h", None),
        ("http://h", "http://u:hunter2@h"),
        ("http://h", "amqp://u:hunter2@h:x"),
        ("http://u:hunter2@a..b", None),
        (f"http://u:hunter2@{'x' * 64}.org", None),
        ("http://h", "amqp://u:hunter2@a..b"),
        ("localhost:15672", None),
        ("admin:hunter2@rabbit:15672", None),
        ("rabbit.example.org:15672", None),
        ("http://somebody@h", None),
    ],
)
def test_a_bad_url_is_a_usage_error_without_the_password(broker: str, amqp: str | None) -> None:
    with pytest.raises(UsageError) as refused:
        address(broker, amqp=amqp)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("port", ["99999", "0", "65536", "-1", "123456", "port"])
def test_a_port_is_said_to_be_one(port: str) -> None:
    """Nothing of percent-encoding, which is not what is wrong."""
    for broker, amqp in ((f"http://u:hunter2@h:{port}", None), ("http://h", f"amqp://u:hunter2@h:{port}")):
        with pytest.raises(UsageError) as refused:
            address(broker, amqp=amqp)
        assert "a port is a number from 1 to 65535" in str(refused.value)
        assert "percent" not in str(refused.value)
        assert f"***@h:{port}" in str(refused.value)


def test_a_password_with_a_slash_is_no_port() -> None:
    with pytest.raises(UsageError, match="must be percent-encoded"):
        address("http://u:hunter2/x@h")


def test_secrets_are_not_shown() -> None:
    where = address("http://u:hunter2@h", amqp="amqp://u:hunter2@h")
    assert "hunter2" not in f"{where!r} {where.location} {where.amqp_location}"


@pytest.mark.parametrize("host", ["256.1.1.1", "xn--", "xn--a.b", "\u2603.net"])
def test_a_host_that_is_none_is_a_usage_error(host: str) -> None:
    with pytest.raises(UsageError, match="not a valid URL for the management API"):
        ManagementApi(address(f"http://{host}:15672"))


def test_a_host_may_be_of_any_alphabet() -> None:
    ManagementApi(address("http://bücher.example:15672")).close()
