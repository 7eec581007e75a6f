"""Every friendly setting of a queue is the argument that RabbitMQ knows it by."""

from typing import Any

import pytest

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Queue
from tests.spec.nouns import bound, desired_of


def _queue(body: str) -> Queue:
    return desired_of(f"topology: 1\nowns: [a]\nqueues:\n  a: {body}\n").queues["a"]


@pytest.mark.parametrize(
    ("body", "arguments"),
    [
        ("{}", {}),
        ("", {}),
        ("{ttl: 30s}", {"x-message-ttl": 30_000}),
        ("{ttl: 0}", {"x-message-ttl": 0}),
        ("{ttl: 250}", {"x-message-ttl": 250}),
        ("{ttl: 500ms}", {"x-message-ttl": 500}),
        ("{ttl: 5m}", {"x-message-ttl": 300_000}),
        ("{expires: 1h}", {"x-expires": 3_600_000}),
        ("{expires: 2d}", {"x-expires": 172_800_000}),
        ("{max-length: 1000}", {"x-max-length": 1000}),
        ("{max-length-bytes: 1000000}", {"x-max-length-bytes": 1_000_000}),
        ("{overflow: reject-publish}", {"x-overflow": "reject-publish"}),
        ("{priorities: 10}", {"x-max-priority": 10}),
        ("{lazy: true}", {"x-queue-mode": "lazy"}),
        ("{lazy: false}", {}),
        ("{single-active-consumer: true}", {"x-single-active-consumer": True}),
        ("{single-active-consumer: no}", {}),
        ("{delivery-limit: 20}", {"x-delivery-limit": 20}),
        ("{delivery-limit: -1}", {"x-delivery-limit": -1}),
        ("{dead-letter: {exchange: amq.fanout}}", {"x-dead-letter-exchange": "amq.fanout"}),
        (
            '{dead-letter: {exchange: "", key: b}}',
            {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "b"},
        ),
        (
            "{arguments: {x-mine: {deep: [1, 2.5, yes, text]}, x-other: 7}}",
            {"x-mine": {"deep": [1, 2.5, True, "text"]}, "x-other": 7},
        ),
        (
            "{ttl: 1s, max-length: 2, arguments: {x-mine: 3}}",
            {"x-message-ttl": 1000, "x-max-length": 2, "x-mine": 3},
        ),
    ],
)
def test_a_setting_becomes_its_argument(body: str, arguments: dict[str, Any]) -> None:
    assert _queue(body) == Queue(name="a", arguments=Arguments.of(arguments))


@pytest.mark.parametrize("body", ["{type: quorum}", "{arguments: {x-queue-type: quorum}}"])
def test_the_type_is_no_argument(body: str) -> None:
    assert _queue(body) == Queue(name="a", type="quorum")


def test_a_plugins_type_is_taken_as_it_is() -> None:
    assert _queue("{type: x-delayed}").type == "x-delayed"


def test_durable_and_auto_delete() -> None:
    assert _queue("{durable: false, auto-delete: true}") == Queue(name="a", durable=False, auto_delete=True)


def test_bindings_from_anchored_lists_and_merged_mappings() -> None:
    desired = desired_of(
        """
topology: 1
owns: [a, b]
queues:
  a: &like_a
    ttl: 1m
    bindings: &from_topic [{exchange: amq.topic, key: "x.#"}]
  b:
    <<: *like_a
    ttl: 2m
"""
    )
    assert desired.queues["b"].arguments == Arguments.of({"x-message-ttl": 120_000})
    assert desired.bindings == {bound("amq.topic", "x.#", "a"), bound("amq.topic", "x.#", "b")}
