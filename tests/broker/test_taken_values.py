"""What the tables say that no RabbitMQ takes, this one refuses; what they let through at the limits, it takes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, assert_never

import httpx
import pytest

from proca_topo.topology.taken_values import (
    HEADERS_BINDING_ARGUMENTS,
    POLICY_KEYS,
    QUEUE_ARGUMENTS,
    Age,
    OneOf,
    OnlyArgument,
    Taken,
    Text,
    TrueOrFalse,
    WholeNumber,
    refusal,
)
from tests.live import Live

pytestmark = pytest.mark.broker

Version = tuple[int, int]
ALWAYS: Final = ((0, 0), (9, 9))
SINCE_4: Final = ((4, 0), (9, 9))
BEFORE_4: Final = ((0, 0), (3, 99))
BEFORE_4_3: Final = ((0, 0), (4, 2))
SINCE_4_3: Final = ((4, 3), (9, 9))
MOST: Final = 2**63 - 1
TYPES: Final = ("classic", "quorum", "stream")

# The versions that take a value, the first and the last, where that is not all; for a key, all its values.
BY_VERSION: Final[Mapping[tuple[str, object] | str, tuple[Version, Version]]] = {
    ("x-queue-type", "undefined"): SINCE_4,
    ("x-queue-type", ""): SINCE_4_3,
    ("x-queue-version", 1): BEFORE_4_3,
    "consumer-timeout": SINCE_4,
    ("delivery-limit", -MOST): SINCE_4,
    "ha-mode": BEFORE_4,
    "ha-promote-on-failure": BEFORE_4,
    "ha-promote-on-shutdown": BEFORE_4,
    "ha-sync-mode": BEFORE_4,
    "queue-master-locator": BEFORE_4_3,
    "stream-filter-size-bytes": SINCE_4,
    "target-group-size": SINCE_4,
}
# What else RabbitMQ asks for where there is a key, or a value of it.
TOGETHER: Final[Mapping[tuple[str, object] | str, Mapping[str, object]]] = {
    "x-dead-letter-routing-key": {"x-dead-letter-exchange": "somewhere"},
    "ha-promote-on-failure": {"ha-mode": "all"},
    "ha-promote-on-shutdown": {"ha-mode": "all"},
    "ha-sync-mode": {"ha-mode": "all"},
    ("ha-mode", "exactly"): {"ha-params": 1},
    ("ha-mode", "nodes"): {"ha-params": ["rabbit@one"]},
}


def bad_values(taken: Taken) -> Iterator[object]:
    """Some that no version takes, those next to the limits among them."""
    match taken:
        case WholeNumber():
            yield from (1.5, "5", "5s", "", True, [], {})
            if taken.least is not None:
                yield taken.least - 1
            if taken.most is not None:
                yield taken.most + 1
        case OneOf():
            yield from ("bogus", taken.words[0].upper(), 1, True)
            if "" not in taken.untold:
                yield ""
        case Text():
            yield from (1, 1.5, True, [], {})
        case TrueOrFalse():
            yield from ("true", "", 0, 1, [], {})
        case Age():
            yield from ("1w", "1d", "0s", "00s", "1", "s", "+1s", " 1s", "1s ", "1.5h", "", 5, True, [])
        case OnlyArgument():
            yield from (5, "x", True, [], {})
        case _:
            assert_never(taken)


def good_values(taken: Taken) -> Iterator[object]:
    """Some that are let through, those at the limits among them."""
    match taken:
        case WholeNumber():
            yield -MOST if taken.least is None else taken.least
            yield MOST if taken.most is None else taken.most
        case OneOf():
            yield from (*taken.words, *taken.untold)
        case Text():
            yield from ("x", "")
        case TrueOrFalse():
            yield from (True, False)
        case Age():
            yield from ("1Y", "2M", "3D", "4h", "5m", "6s", "01s", "1s\n")
        case OnlyArgument():
            return
        case _:
            assert_never(taken)


def is_for(live: Live, key: str, value: object) -> bool:
    """Whether this RabbitMQ is one that takes a value."""
    first, last = BY_VERSION.get((key, _hashable(value)), BY_VERSION.get(key, ALWAYS))
    major, minor, *_ = (int(part) for part in live.test_broker.version.split("."))
    return first <= (major, minor) <= last


def with_others(key: str, value: object) -> dict[str, Any]:
    """A value and what has to be there with it."""
    return {key: value, **TOGETHER.get(key, {}), **TOGETHER.get((key, _hashable(value)), {})}


def _hashable(value: object) -> object:
    return repr(value) if isinstance(value, (list, dict)) else value


def declares(live: Live, key: str, value: object) -> bool:
    """Whether RabbitMQ declares a queue of any type with this argument."""
    types = ({},) if key == "x-queue-type" else tuple({"x-queue-type": kind} for kind in TYPES)
    for kind in types:
        path = f"/api/queues/{live.path}/q"
        answer = live.http.put(path, json={"durable": True, "arguments": {**kind, **with_others(key, value)}})
        if answer.is_success:
            live.http.delete(path)
            return True
    return False


def sets_policy(live: Live, key: str, value: object, http: httpx.Client | None = None) -> bool:
    """Whether RabbitMQ sets a policy with this in it."""
    body = {"pattern": "^nothing$", "apply-to": "all", "definition": with_others(key, value)}
    return (http or live.http).put(f"/api/policies/{live.path}/p", json=body).is_success


def binds(live: Live, source: str, value: object) -> bool:
    """Whether RabbitMQ binds a queue with this x-match."""
    body = {"routing_key": "", "arguments": {"x-match": value, "kind": "share"}}
    return live.http.post(f"/api/bindings/{live.path}/e/{source}/q/q", json=body).is_success


@pytest.mark.parametrize("key", QUEUE_ARGUMENTS)
def test_arguments_of_queues(live: Live, key: str) -> None:
    taken = QUEUE_ARGUMENTS[key]
    bad, good = list(bad_values(taken)), list(good_values(taken))
    assert [value for value in bad if refusal(taken, value) is None] == []
    assert [value for value in good if refusal(taken, value) is not None] == []
    assert [value for value in bad if declares(live, key, value)] == []
    assert [value for value in good if declares(live, key, value) is not is_for(live, key, value)] == []


@pytest.mark.parametrize("key", POLICY_KEYS)
def test_keys_of_policies(live: Live, key: str) -> None:
    taken = POLICY_KEYS[key]
    bad, good = [*bad_values(taken), None], list(good_values(taken))
    assert [value for value in bad if refusal(taken, value) is None] == []
    assert [value for value in good if refusal(taken, value) is not None] == []
    # Some of them RabbitMQ 3.10 answers with 500, again and again.
    with httpx.Client(base_url=live.http.base_url, auth=live.http.auth, timeout=live.http.timeout) as impatient:
        assert [value for value in bad if sets_policy(live, key, value, impatient)] == []
    assert [value for value in good if sets_policy(live, key, value) is not is_for(live, key, value)] == []


def test_arguments_of_bindings(live: Live) -> None:
    taken = HEADERS_BINDING_ARGUMENTS["x-match"]
    live.http.put(f"/api/queues/{live.path}/q", json={}).raise_for_status()
    for source in ("amq.headers", "amq.match"):
        assert [value for value in bad_values(taken) if binds(live, source, value)] == []
        assert all(binds(live, source, value) for value in good_values(taken))
    assert all(binds(live, "amq.topic", value) for value in bad_values(taken))


def test_a_dead_letter_key_without_an_exchange_is_refused(live: Live) -> None:
    """By every type. A policy may have it alone."""
    for kind in TYPES:
        arguments = {"x-queue-type": kind, "x-dead-letter-routing-key": "x"}
        answer = live.http.put(f"/api/queues/{live.path}/q", json={"durable": True, "arguments": arguments})
        assert not answer.is_success
    assert sets_policy(live, "dead-letter-routing-key", "x")


@pytest.mark.parametrize(
    ("key", "value", "versions"),
    [
        ("x-queue-mode", "odd", SINCE_4_3),
        ("x-delivery-limit", "5", ALWAYS),
        ("x-delivery-limit", -2, ALWAYS),
        ("x-queue-master-locator", "odd", ((4, 0), (4, 2))),
    ],
)
def test_what_one_version_takes_is_in_no_table(
    live: Live, key: str, value: object, versions: tuple[Version, Version]
) -> None:
    major, minor, *_ = (int(part) for part in live.test_broker.version.split("."))
    assert key not in QUEUE_ARGUMENTS
    assert declares(live, key, value) is (versions[0] <= (major, minor) <= versions[1])
