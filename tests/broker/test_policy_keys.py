"""A policy with a key that a type of queue does not know is not for such queues, as if it did not match."""

from typing import Any, Final

import httpx
import pytest
from tenacity import retry, retry_if_result, stop_after_delay, wait_fixed

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import CLASSIC, QUORUM, STREAM, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce

KEYS: Final[dict[str, Any]] = {
    "dead-letter-exchange": "x",
    "dead-letter-routing-key": "k",
    "dead-letter-strategy": "at-most-once",
    "delivery-limit": 10,
    "expires": 3600000,
    "ha-mode": "all",
    "initial-cluster-size": 1,
    "max-age": "1h",
    "max-in-memory-bytes": 1000,
    "max-in-memory-length": 10,
    "max-length": 1000,
    "max-length-bytes": 100000,
    "message-ttl": 60000,
    "overflow": "drop-head",
    "queue-leader-locator": "client-local",
    "queue-master-locator": "client-local",
    "queue-mode": "lazy",
    "queue-version": 2,
    "stream-max-segment-size-bytes": 1000000,
    "target-group-size": 1,
}
BASE: Final = Policy(
    name="base", pattern=".*", apply_to="queues", definition=Arguments.of({"max-length-bytes": 10**9})
)


def _policy(key: str) -> Policy:
    definition = Arguments.of({key: KEYS[key]})
    return Policy(name=key, pattern=rf"^.*\.{key}$", apply_to="queues", priority=1, definition=definition)


@pytest.mark.broker
def test_rabbitmq_gives_each_queue_the_policy_that_is_expected(http: httpx.Client, vhost: str) -> None:
    policies = [BASE]
    for policy in (BASE, *map(_policy, KEYS)):
        body = {
            "pattern": policy.pattern,
            "apply-to": policy.apply_to,
            "priority": policy.priority,
            "definition": policy.definition.to_dict(),
        }
        answer = http.put(f"/api/policies/{vhost}/{policy.name}", json=body)
        # 4.x refuses what it has done away with, older versions what they do not know yet.
        if answer.status_code != httpx.codes.BAD_REQUEST:
            answer.raise_for_status()
            policies.append(policy)
    queues = {
        name: Queue(name=name, type=kind)
        for kind in (CLASSIC, QUORUM, STREAM)
        for policy in policies
        for name in (f"{kind}.{policy.name}",)
    }
    definitions = [
        {"name": name, "durable": True, "auto_delete": False, "arguments": {"x-queue-type": queue.type}}
        for name, queue in queues.items()
    ]
    http.post(f"/api/definitions/{vhost}", json={"queues": definitions}).raise_for_status()
    in_force = PoliciesInForce(policies)
    expected = {name: {one.name for one in in_force.candidates(queue)} for name, queue in queues.items()}
    assert sum(names == {"base"} for names in expected.values()) > len(queues) / 4
    assert sum(len(names) > 1 for names in expected.values()) == 3

    # Which policy a queue has is listed late.
    @retry(
        stop=stop_after_delay(60), wait=wait_fixed(0.5), retry=retry_if_result(bool), retry_error_callback=_last
    )
    def unexpected() -> dict[str, Any]:
        listed = http.get(f"/api/queues/{vhost}?disable_stats=true").raise_for_status().json()
        shown = {entry["name"]: entry.get("policy") for entry in listed}
        return {name: shown.get(name) for name, names in expected.items() if shown.get(name) not in names}

    assert unexpected() == {}


def _last(state: Any) -> Any:
    return state.outcome.result()
