"""A file that is no definitions file is told for what it is, in one line."""

from pathlib import Path

import pytest

from proca_topo.broker.definitions.file import DefinitionsFile
from proca_topo.errors import BrokerError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"queues": [\n  {"name": }]}', "definitions.json:2:12: not JSON"),
        ("", "definitions.json:1:1: not JSON"),
        ("[]", "not RabbitMQ definitions: the top level is not an object"),
        ('{"queues": {}}', "not RabbitMQ definitions: 'queues' is not a list of objects"),
        ('{"queues": ["q"]}', "not RabbitMQ definitions: 'queues' is not a list of objects"),
        ('{"queues": [{"durable": true}]}', "in 'queues': this entry has no usable 'name'"),
        ('{"exchanges": [{"name": "e"}]}', "in 'exchanges': this entry has no usable 'type'"),
        (
            '{"bindings": [{"source": "e", "destination": "q", "destination_type": 1}]}',
            "usable 'destination_type'",
        ),
        ('{"queues": [{"name": "q", "arguments": 5}]}', "no usable 'arguments'"),
        ('{"bindings": [{"source": "e", "destination": "q", "routing_key": [1]}]}', "no usable 'routing_key'"),
        ('{"policies": [{"name": "p", "pattern": "", "apply-to": 5}]}', "no usable 'apply-to'"),
        ('{"queues": [], "queues": []}', "definitions.json: the key queues is in one object twice; keep one"),
        ('{"users": [{"name": "a", "name": "b"}]}', "the key name is in one object twice"),
        ('{"queues": [{"name": "q", "type": 1, "type": 2}]}', "the key type is in the object q twice"),
        ('{"queues": [{"name": "q", "vhost": []}]}', "a vhost in 'queues' is no text"),
        ('{"queues": [{"name": "q", "vhost": null}]}', "a vhost in 'queues' is no text"),
        ('{"parameters": [{"value": 1e999}]}', "a number in it is none"),
        ('{"parameters": [{"value": NaN}]}', "a number in it is none"),
        ('{"parameters": [' + "9" * 5000 + "]}", "a number in it is none"),
        ('{"parameters": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
)
def test_what_is_no_export_is_told_in_one_line(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "definitions.json"
    path.write_text(text)
    with pytest.raises(BrokerError) as failed:
        DefinitionsFile(path).read("/")
    assert expected in str(failed.value)
    assert "\n" not in str(failed.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "definitions.json"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BrokerError, match="it is not UTF-8 text"):
        DefinitionsFile(path).read("/")
    with pytest.raises(BrokerError, match=r"cannot be read: .*directory"):
        DefinitionsFile(tmp_path).read("/")
