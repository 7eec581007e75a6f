"""What a definitions file alone must do: keep what it does not understand, and never be half written."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from proca_topo.broker.address import address
from proca_topo.broker.connect import open_broker
from proca_topo.broker.definitions.file import DefinitionsFile
from proca_topo.errors import BrokerError, LockedError, VhostMissingError
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from tests.broker.nouns import silent

CLUSTER: dict[str, Any] = {
    "rabbit_version": "3.0.4",
    "_comment": "made by hand",
    "users": [{"name": "guest", "password_hash": "x", "tags": "administrator"}],
    "vhosts": [{"name": "/"}, {"name": "/soc", "limits": []}],
    "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
    "parameters": [{"value": {"uri": "amqp://x"}, "vhost": "/", "component": "shovel", "name": "s"}],
    "policies": [
        {"vhost": "/", "name": "all", "pattern": "", "definition": {"ha-mode": "all"}, "_comment": "old"},
        {
            "name": "homeless",
            "pattern": "^a",
            "apply-to": "queues",
            "definition": {"max-length": 1},
            "priority": 2,
        },
    ],
    "queues": [
        {"name": "b", "vhost": "/", "durable": True},
        {
            "name": "a",
            "vhost": "/",
            "durable": True,
            "auto_delete": False,
            "arguments": {"x-queue-type": "quorum"},
        },
        {"name": "s", "vhost": "/", "durable": True, "auto_delete": False, "type": "stream", "arguments": {}},
        {"name": "amq.gen-abc", "vhost": "/", "durable": False, "auto_delete": True, "arguments": {}},
        {"name": "b", "vhost": "/soc", "durable": True, "auto_delete": False, "arguments": {"x-message-ttl": 1}},
    ],
    "exchanges": [
        {"name": "e", "vhost": "/", "type": "topic", "durable": True, "arguments": {"alternate-exchange": "gone"}},
        {"name": "e", "vhost": "/soc", "type": "x-delayed-message", "durable": True, "auto_delete": False},
    ],
    "bindings": [
        {"source": "", "vhost": "/", "destination": "b", "destination_type": "queue", "routing_key": "b"},
        {"source": "e", "vhost": "/", "destination": "b", "destination_type": "queue", "routing_key": "k"},
        {"source": "e", "vhost": "/", "destination": "e2", "destination_type": "exchange", "arguments": {"x": 1}},
        {"source": "e", "vhost": "/soc", "destination": "b", "destination_type": "queue", "routing_key": "k"},
    ],
}


def _file(tmp_path: Path, content: Any, **options: Any) -> Path:
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps(content, **options) + "\n")
    return path


def test_an_export_of_a_cluster_is_read_vhost_by_vhost(tmp_path: Path) -> None:
    broker = DefinitionsFile(_file(tmp_path, CLUSTER))
    existing = broker.read("/")
    assert existing.queues == {
        "b": Queue(name="b", type="classic"),
        "a": Queue(name="a", type="quorum"),
        "s": Queue(name="s", type="stream"),
    }
    assert existing.exchanges["e"].alternate_exchange == "gone"
    assert existing.bindings == {
        Binding(source="e", destination="b", routing_key="k"): (),
        Binding(
            source="e",
            destination="e2",
            destination_type=DestinationType.EXCHANGE,
            arguments=Arguments.of({"x": 1}),
        ): (),
    }
    assert existing.policies["all"] == Policy(name="all", pattern="", definition=Arguments.of({"ha-mode": "all"}))
    assert set(existing.policies) == {"all", "homeless"}
    assert (existing.broker.version, existing.activity) == ("3.0.4", {})
    assert broker.look("/", ["a", "gone"]) == {"a": Activity(consumers=0)}
    assert set(broker.read("/soc").queues) == {"b"}
    with pytest.raises(VhostMissingError, match=r"no vhost 'other' in \S+ \(it has: /, /soc\)"):
        broker.read("other")


def test_what_is_not_asked_for_stays(tmp_path: Path) -> None:
    """Users, parameters, other vhosts, unknown keys, and the order of everything."""
    broker = DefinitionsFile(_file(tmp_path, CLUSTER))
    queue, exchange = Queue(name="new", type="classic"), Exchange(name="x", type="fanout")
    policy = Policy(name="all", pattern="^n", priority=1, definition=Arguments.of({"max-length": 5}))
    binding = Binding(source="x", destination="new")
    assert broker.declare("/", [binding, queue, exchange, policy], silent) == []
    written = json.loads((tmp_path / "definitions.json").read_text())
    assert list(written) == list(CLUSTER)
    for section in ("queues", "exchanges", "bindings"):
        assert written[section][:-1] == CLUSTER[section]
        assert written[section][-1]["vhost"] == "/"
    assert written["policies"][0] == {
        "vhost": "/",
        "name": "all",
        "pattern": "^n",
        "definition": {"max-length": 5},
        "_comment": "old",
        "apply-to": "all",
        "priority": 1,
    }
    broker.delete(broker.read("/"), [queue, exchange], silent)
    broker.declare("/", [broker.read("/").policies["homeless"]], silent)
    again = json.loads((tmp_path / "definitions.json").read_text())
    assert again == {**CLUSTER, "policies": written["policies"]}


def test_an_export_of_one_vhost_is_any_vhost(tmp_path: Path) -> None:
    content = {
        "rabbitmq_version": "4.0.5",
        "default_queue_type": "quorum",
        "queues": [{"name": "q"}],
        "bindings": [],
    }
    path = _file(tmp_path, content)
    broker = DefinitionsFile(path)
    broker.create_vhost("proca")
    existing = broker.read("proca")
    assert (set(existing.queues), existing.default_queue_type) == ({"q"}, "quorum")
    assert broker.declare("proca", [Queue(name="classic", type="classic"), Queue(name="any")], silent) == []
    assert json.loads(path.read_text())["queues"][1:] == [
        {"name": "classic", "durable": True, "auto_delete": False, "arguments": {"x-queue-type": "classic"}},
        {"name": "any", "durable": True, "auto_delete": False, "arguments": {}},
    ]
    assert broker.read("proca").queues["classic"].type == "classic"


def test_an_export_without_a_list_of_vhosts_has_those_that_it_names(tmp_path: Path) -> None:
    path = _file(tmp_path, {"queues": [{"name": "q", "vhost": "/"}]})
    broker = DefinitionsFile(path)
    with pytest.raises(VhostMissingError):
        broker.read("proca")
    foreseen = broker.new_vhost("proca")
    broker.create_vhost("proca")
    assert broker.read("proca") == replace(foreseen, is_new=False)
    assert json.loads(path.read_text())["vhosts"] == [{"name": "/"}, {"name": "proca"}]
    assert (set(broker.read("proca").queues), set(broker.read("/").queues)) == (set(), {"q"})


def test_an_empty_export_is_an_empty_vhost(tmp_path: Path) -> None:
    path = _file(tmp_path, {})
    broker = DefinitionsFile(path)
    assert broker.read("any").queues == {}
    assert broker.declare("any", [Queue(name="q")], silent) == []
    assert json.loads(path.read_text()) == {
        "queues": [{"name": "q", "durable": True, "auto_delete": False, "arguments": {}}]
    }


def test_a_vhost_can_be_made_where_there_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    broker = open_broker(address(str(path)))
    with pytest.raises(BrokerError, match="there is no file"):
        broker.read("proca")
    broker.create_vhost("proca")
    assert broker.declare("proca", [Queue(name="q")], silent) == []
    assert set(broker.read("proca").queues) == {"q"}
    broker.close()


@pytest.mark.parametrize(
    "options", [{"indent": 2}, {"indent": 4}, {"indent": "\t"}, {}, {"separators": (",", ":")}]
)
def test_the_file_looks_as_it_did(tmp_path: Path, options: dict[str, Any]) -> None:
    """Its indentation, its permissions, and the link that leads to it."""
    path = _file(tmp_path, {"users": [], "queues": [{"name": "ü"}]}, **options)
    path.chmod(0o640)
    before = path.read_text()
    link = tmp_path / "link.json"
    link.symlink_to(path.name)
    broker = DefinitionsFile(link)
    queue = Queue(name="new")
    broker.declare("/", [queue], silent)
    assert path.read_text() != before
    broker.delete(broker.read("/"), [queue], silent)
    assert path.read_text() == before
    assert link.is_symlink()
    assert path.stat().st_mode & 0o7777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["definitions.json", "link.json"]


def test_nothing_is_written_where_nothing_changes(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_text('{"queues":[ {"name":"q"}],\n "users" : []}')
    before = (path.read_text(), path.stat().st_ino)
    broker = DefinitionsFile(path)
    existing = broker.read("/")
    assert broker.declare("/", list(existing.queues.values()), silent) == []
    assert broker.delete(existing, [Queue(name="gone")], silent) == []
    assert (path.read_text(), path.stat().st_ino) == before


def test_a_file_that_cannot_be_replaced_stays_whole(tmp_path: Path) -> None:
    """A name that leaves no room for a temporary file beside it: an error, and the old text."""
    path = tmp_path / ("d" * 250)
    path.write_text("{}")
    with pytest.raises(BrokerError, match=r"cannot be written: .*name too long"):
        DefinitionsFile(path).declare("/", [Queue(name="q")], silent)
    assert path.read_text() == "{}"


def test_a_queue_without_a_type_is_of_the_vhosts_default(tmp_path: Path) -> None:
    """So it is when the file is imported, and so it is read back."""
    content = {
        "vhosts": [{"name": "v", "metadata": {"default_queue_type": "quorum"}}],
        "queues": [{"name": "old"}],
    }
    broker = DefinitionsFile(_file(tmp_path, content | {"queues": [{"name": "old", "vhost": "v"}]}))
    assert broker.read("v").queues["old"].type == "quorum"
    assert broker.declare("v", [Queue(name="new"), Queue(name="plain", type="classic")], silent) == []
    seen = broker.read("v")
    assert seen.shows(Queue(name="new"))
    assert seen.queues["plain"].type == "classic"


def test_the_file_stays_whose_it_was(tmp_path: Path) -> None:
    """A broker that reads it with `load_definitions` goes on to."""
    path = _file(tmp_path, {"queues": []})
    group = next((group for group in os.getgroups() if group != path.stat().st_gid), path.stat().st_gid)
    owner = 65534 if os.geteuid() == 0 else os.geteuid()
    os.chown(path, owner, owner if os.geteuid() == 0 else group)
    path.chmod(0o640)
    before = path.stat()
    assert DefinitionsFile(path).declare("/", [Queue(name="q")], silent) == []
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert after.st_ino != before.st_ino


def test_one_lock_for_a_file_whatever_link_leads_to_it(tmp_path: Path) -> None:
    for folder in ("one", "two", "there"):
        (tmp_path / folder).mkdir()
    path = _file(tmp_path / "there", {})
    links = [tmp_path / folder / "link.json" for folder in ("one", "two")]
    for link in links:
        link.symlink_to(path)
    held = DefinitionsFile(links[0]).lock("/")
    for other in (links[1], path):
        with pytest.raises(LockedError):
            DefinitionsFile(other).lock("/")
    held.release()
    DefinitionsFile(links[1]).lock("/").release()


def test_a_setting_that_python_takes_for_the_same_is_written(tmp_path: Path) -> None:
    def policy(value: object) -> Policy:
        return Policy(name="p", pattern="^a", definition=Arguments.of({"max-length": value}))

    broker = DefinitionsFile(_file(tmp_path, {}))
    for value in (1, True, 1, False, 0):
        assert broker.declare("/", [policy(value)], silent) == []
        assert broker.read("/").shows(policy(value))


def test_of_two_policies_of_a_name_the_one_in_force_is_put(tmp_path: Path) -> None:
    entries = [{"name": "p", "pattern": pattern, "definition": {"max-length": 1}} for pattern in ("^a", "^b")]
    broker = DefinitionsFile(_file(tmp_path, {"policies": entries}))
    assert broker.read("/").policies["p"].pattern == "^b"
    wanted = Policy(name="p", pattern="^c", definition=Arguments.of({"max-length": 1}))
    assert broker.declare("/", [wanted], silent) == []
    assert broker.read("/").shows(wanted)


def test_half_a_surrogate_pair_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_text('{"users": [{"name": "\\ud800ü"}]}')
    assert DefinitionsFile(path).declare("/", [Queue(name="q")], silent) == []
    assert json.loads(path.read_text())["users"] == [{"name": "\ud800ü"}]
