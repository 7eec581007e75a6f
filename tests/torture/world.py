"""The topology under torture, and what other people have on the same broker."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.torture.publisher import Route

QUEUE: Final = "torture.work"
WAITING: Final = ("torture.wait", "torture.slow.wait")
THEIR_QUEUE: Final = "team.queue"

Variant = Mapping[str, Any]

_FAST: Final = {"exchange": "torture.fail", "key": QUEUE}
_SLOW: Final = {"exchange": "torture.slow.fail", "key": QUEUE}

# RabbitMQ 4.3 would drop what is rejected too often, whatever we do.
_QUORUM: Final = {"type": "quorum", "delivery-limit": 1_000_000}

CLASSIC: Final[Sequence[Variant]] = (
    {"type": "classic", "dead-letter": _FAST},
    {"type": "classic", "dead-letter": _FAST, "priorities": 5},
    {"type": "classic", "dead-letter": _SLOW, "ttl": "1h"},
    {"type": "classic", "dead-letter": _FAST, "max-length": 1_000_000, "overflow": "reject-publish"},
)
QUORUM: Final[Sequence[Variant]] = (
    {**_QUORUM, "dead-letter": _FAST},
    {**_QUORUM, "dead-letter": _SLOW, "ttl": "1h"},
    {**_QUORUM, "dead-letter": _FAST, "max-length": 1_000_000},
)
# What decides who gets what is in the queue, and where it is: played at random only.
MORE: Final[Sequence[Variant]] = (
    {"type": "classic", "dead-letter": _FAST, "single-active-consumer": True},
    {"type": "classic", "dead-letter": _FAST, "single-active-consumer": True, "priorities": 5},
    {"type": "classic", "dead-letter": _FAST, "lazy": True},
    {**_QUORUM, "dead-letter": _FAST, "single-active-consumer": True},
    {**_QUORUM, "dead-letter": _FAST, "arguments": {"x-queue-leader-locator": "balanced"}},
)
# Each is of another type than its neighbours.
MIXED: Final[Sequence[Variant]] = (CLASSIC[0], QUORUM[0], CLASSIC[2], QUORUM[2])

_CIRCUITS: Final = {
    "fast": {"delay": "300ms", "fail": "torture.fail", "wait": WAITING[0], "return": "torture.return"},
    "slow": {"delay": "600ms", "fail": "torture.slow.fail", "wait": WAITING[1], "return": "torture.slow.return"},
}
# From both circuits there is a way back, so that what is in one comes back after a change to the other.
_BINDINGS: Final = (
    {"exchange": "torture.in", "key": "a.#"},
    {"exchange": "torture.in", "key": "*.b"},
    {"exchange": "torture.kinds", "arguments": {"x-match": "all", "kind": "share"}},
    {"exchange": "torture.return", "key": QUEUE},
    {"exchange": "torture.slow.return", "key": QUEUE},
)

# Another team's exchange leads to our queue, which our spec ignores, and their queue hangs on our exchange.
THEIRS: Final[Mapping[str, Any]] = {
    "exchanges": [
        {"name": "team.events", "type": "direct", "durable": True, "auto_delete": False, "internal": False},
    ],
    "queues": [{"name": THEIR_QUEUE, "durable": True, "auto_delete": False, "arguments": {}}],
}
THEIR_BINDINGS: Final = (
    ("team.events", QUEUE, {"routing_key": "news", "arguments": {}}),
    ("torture.in", THEIR_QUEUE, {"routing_key": "team.#", "arguments": {"whose": "theirs"}}),
)

_ROUTES: Final[Sequence[Route]] = (
    Route(name="topic", exchange="torture.in", key="a.x"),
    Route(name="wildcard", exchange="torture.in", key="x.b"),
    Route(name="headers", exchange="torture.kinds", headers=(("kind", "share"),)),
    Route(name="return", exchange="torture.return", key=QUEUE),
    Route(name="news", exchange="team.events", key="news"),
    Route(name="theirs", exchange="torture.in", key="team.x"),
)


def siblings_named(count: int) -> Sequence[str]:
    """Queues of ours that are replaced along with the one under torture, and get messages of their own."""
    return [f"{QUEUE}.sibling{number}" for number in range(count)]


def is_from_queue(message_id: str) -> bool:
    """Whether a message went into the queue under torture, and into no other one."""
    return not message_id.endswith(".theirs") and ".sibling" not in message_id


def routes(siblings: int) -> Sequence[Route]:
    """Where is published to."""
    return (
        *_ROUTES,
        *(Route(name=f"sibling{n}", exchange="torture.in", key=f"sibling{n}") for n in range(siblings)),
    )


def write_spec(folder: Path, variant: Variant, *, siblings: int) -> None:
    """The spec with the queue as a variant has it, and so many siblings. (JSON is YAML.)"""
    others = {
        name: {**variant, "bindings": [{"exchange": "torture.in", "key": name.removeprefix(f"{QUEUE}.")}]}
        for name in siblings_named(siblings)
    }
    spec = {
        "topology": 1,
        "owns": ["torture.*"],
        "ignore": [{"exchange": "team.events", "key": "news"}],
        "exchanges": {"torture.in": {"type": "topic"}, "torture.kinds": {"type": "headers"}},
        "retry": _CIRCUITS,
        "queues": {QUEUE: {**variant, "bindings": _BINDINGS}, **others},
    }
    (folder / "topology.yaml").write_text(json.dumps(spec))
