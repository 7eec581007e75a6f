"""A private node starts, survives what it should, and leaves nothing behind."""

import json
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from proca_topo.errors import SandboxError
from proca_topo.sandbox import node as node_module
from proca_topo.sandbox.installation import Installation, installed
from proca_topo.sandbox.node import Node, running_node
from proca_topo.sandbox.ports import Ports, free_ports
from proca_topo.sandbox.recipe import Recipe
from proca_topo.topology.exchange_types import PLUGINS
from tests.brokers.cluster import as_broker
from tests.brokers.fixtures import NodeFactory, TestBroker
from tests.brokers.written import write_down
from tests.waiting import wait_until

PATIENCE = 180  # seconds; what is waited for takes one, on a slow machine many


@pytest.mark.broker
def test_a_fresh_vhost_is_empty_and_usable(broker_urls: TestBroker, vhost: str) -> None:
    """The session's broker answers with its version, and the test's vhost takes a queue."""
    with broker_urls.http() as http:
        assert http.get("/api/overview").json()["rabbitmq_version"] == broker_urls.version
        assert http.get(f"/api/queues/{vhost}").json() == []
        http.put(f"/api/queues/{vhost}/q", json={"durable": True}).raise_for_status()


@pytest.mark.broker
def test_restart_keeps_ports_and_durable_queues(node_factory: NodeFactory) -> None:
    """A killed or stopped node comes back at the same address with what was durable."""
    node = node_factory()
    before = (node.management_url, node.amqp_url)
    _declare_queue(node, "kept")
    write_down(node)
    for end in (node.kill, node.stop):
        end()
        assert not node.is_running
        node.restart()
        assert (node.management_url, node.amqp_url) == before
        assert _queues(node) == ["kept"]


@pytest.mark.broker
def test_a_node_has_the_plugins_asked_for_and_does_what_rabbitmqctl_says(installation: Installation) -> None:
    with running_node(installation, plugins=["rabbitmq_shovel"]) as node:
        node.control("eval", "true = lists:member(rabbitmq_shovel, rabbit_plugins:active()).")
        with pytest.raises(SandboxError, match="rabbitmqctl nonsense failed"):
            node.control("nonsense")


@pytest.mark.broker
def test_the_plugins_of_an_installation_are_known(installation: Installation) -> None:
    """Of each version that is tested, also where it is unpacked."""
    known = {"rabbitmq_management", *PLUGINS.values()}
    assert known - installation.plugins == {"rabbitmq_delayed_message_exchange"}


def test_plugins_that_were_added_are_found(tmp_path: Path) -> None:
    """A package's RabbitMQ has a folder for them."""
    packaged = tmp_path / "usr/lib/rabbitmq"
    (packaged / "bin").mkdir(parents=True)
    (packaged / "bin" / "rabbitmq-server").touch()
    (packaged / "plugins").mkdir()
    (packaged / "plugins" / "rabbitmq_delayed_message_exchange-4.0.2.ez").touch()
    assert Installation(root=tmp_path, version="4.0.5").plugins == {"rabbitmq_delayed_message_exchange"}


def test_nodes_that_start_at_once_do_not_meet(installation: Installation) -> None:
    """Two starting at the same moment get ports, names and data of their own."""
    with ThreadPoolExecutor() as threads:
        nodes = list(threads.map(lambda _: Node.start(installation), range(2)))
    try:
        _declare_queue(nodes[0], "mine")
        assert [_queues(node) for node in nodes] == [["mine"], []]
    finally:
        for node in nodes:
            node.close()


@pytest.mark.broker
@pytest.mark.parametrize(("port", "seconds"), [("amqp", 0), ("epmd", 0), ("epmd", 1)])
def test_a_port_taken_meanwhile_is_no_failure(
    port: str, seconds: int, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process takes a port between choosing and using it, the node starts on others; also where the
    port mapper finds that late.
    """
    epmd = vars(Recipe)["epmd"].fget
    late = ["sh", "-c", f'sleep {seconds}; exec "$@"', "sh"]
    monkeypatch.setattr(Recipe, "epmd", property(lambda recipe: [*late, *epmd(recipe)]))
    with socket.create_server(("127.0.0.1", 0)) as somebody_else:
        taken = somebody_else.getsockname()[1]
        chosen = iter([replace(free_ports(), **{port: taken})])

        def taken_at_first() -> Ports:
            return next(chosen, None) or free_ports()

        monkeypatch.setattr(node_module, "free_ports", taken_at_first)
        with running_node(installation) as node:
            assert node.is_running
            assert str(taken) not in node.management_url + node.amqp_url


@pytest.mark.broker
def test_nothing_is_left_after_an_exception(installation: Installation) -> None:
    """The processes and files are gone as soon as the block is left, by whatever exception."""

    def fail() -> None:
        with running_node(installation) as node:
            directories.append(node.directory)
            assert _processes_of(node.directory)
            raise KeyboardInterrupt

    directories: list[Path] = []
    with pytest.raises(KeyboardInterrupt):
        fail()
    _assert_nothing_left(directories[0])


@pytest.mark.broker
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_after_the_owner_is_killed(number: signal.Signals) -> None:
    """The broker, its port mapper and its files go with the process that started them, however that ended."""
    with _owner() as owner:
        directory = _told_directory(owner)
        owner.send_signal(number)
        assert owner.wait(PATIENCE) == -number
        _assert_nothing_left(directory)


@pytest.mark.broker
def test_nothing_is_left_after_the_owner_just_ends() -> None:
    """A program that forgets to close its node leaves nothing either."""
    with _owner() as owner:
        directory = _told_directory(owner)
        owner.communicate(timeout=PATIENCE)
        assert owner.returncode == 0
        _assert_nothing_left(directory)


@pytest.mark.broker
def test_nothing_is_left_after_a_kill_while_starting() -> None:
    """An owner that is killed before its node is ready leaves nothing."""
    with _owner() as owner:
        wait_until(
            lambda: len(_kept_by(owner)) > 1, "its keeper has started a port mapper and a broker", seconds=PATIENCE
        )
        directory = _home_of(_kept_by(owner)[0])
        owner.kill()
    _assert_nothing_left(directory)


@pytest.mark.broker
def test_a_failed_start_says_what_the_broker_said(installation: Installation) -> None:
    """A setting that RabbitMQ refuses is in the error, and nothing runs on."""
    with pytest.raises(SandboxError, match="unknown variable: nonsense") as failed:
        Node.start(installation, extra_conf="nonsense = 1")
    assert str(failed.value).startswith(f"RabbitMQ {installation.version} (")


def test_a_missing_server_says_how_to_install_it(tmp_path: Path) -> None:
    """Without RabbitMQ the message has the command that installs it."""
    with pytest.raises(SandboxError, match="sudo apt-get install rabbitmq-server"):
        installed([tmp_path])


def test_a_server_elsewhere_is_found_with_its_version(tmp_path: Path) -> None:
    """A RabbitMQ unpacked from a tarball, or linked into a folder on PATH as Homebrew does, can be used."""
    server = tmp_path / "rabbitmq" / "4.1.0" / "sbin" / "rabbitmq-server"
    (server.parents[1] / "plugins" / "rabbit-4.1.0").mkdir(parents=True)
    server.parent.mkdir()
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)
    on_path = tmp_path / "bin"
    on_path.mkdir()
    (on_path / "rabbitmq-server").symlink_to(server)
    assert installed([tmp_path, on_path]) == Installation(version="4.1.0", server=on_path / "rabbitmq-server")


def _declare_queue(node: Node, name: str) -> None:
    with as_broker(node).http() as http:
        http.put(f"/api/queues/%2F/{name}", json={"durable": True}).raise_for_status()


def _queues(node: Node) -> list[str]:
    with as_broker(node).http() as http:
        return [queue["name"] for queue in http.get("/api/queues?disable_stats=true").raise_for_status().json()]


def _owner() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.brokers.owner"],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _told_directory(owner: subprocess.Popen[str]) -> Path:
    assert owner.stdout is not None
    told = json.loads(owner.stdout.readline())
    directory = Path(told["directory"])
    assert directory.is_dir()
    assert told["pid"] in _processes_of(directory)
    return directory


def _assert_nothing_left(directory: Path) -> None:
    wait_until(lambda: not _processes_of(directory), f"no process of {directory} is left", seconds=PATIENCE)
    wait_until(lambda: not directory.exists(), f"{directory} is gone", seconds=PATIENCE)


def _processes_of(directory: Path) -> set[int]:
    """Every process of the node in it, helpers of the Erlang VM too: all have its name in their environment."""
    return {pid for pid in _pids() if directory.name in _environment_of(pid)}


def _kept_by(owner: subprocess.Popen[str]) -> list[int]:
    """The processes that the owner's keeper runs, in the order in which they were started."""
    return sorted(grandchild for child in _children_of(owner.pid) for grandchild in _children_of(child))


def _children_of(parent: int) -> list[int]:
    return [pid for pid in _pids() if _read(pid, "stat").rpartition(")")[2].split()[1:2] == [str(parent)]]


def _home_of(pid: int) -> Path:
    (home,) = (entry[5:] for entry in _environment_of(pid).split("\0") if entry.startswith("HOME="))
    return Path(f"/proc/{pid}/root").readlink() / home.lstrip("/")


def _environment_of(pid: int) -> str:
    return _read(pid, "environ")


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        # It has ended meanwhile, or is another user's.
        return ""
