"""What RabbitMQ says of a policy that it does not take is told in words for people."""

from pathlib import Path
from typing import Final

import httpx
import pytest

from proca_topo.apply.report import Status
from proca_topo.errors import ExitCode
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.policy_keys import why_refused
from tests.live import Live, desired_in

pytestmark = pytest.mark.broker

SPEC: Final = """\
topology: 1
owns: [work, p]
queues: {work: {}}
policies:
  p: {pattern: "^work$", apply-to: queues, definition: {DEFINITION}}
"""
OUT: Final = "or take it out of the spec"
SHARDS: Final = (
    "RabbitMQ does not know shards-per-node in a policy, which is of the plugin rabbitmq_sharding: enable it with"
    f" `rabbitmq-plugins enable rabbitmq_sharding`, {OUT}"
)
NONSENSE: Final = f"RabbitMQ does not know nonsense in a policy: enable the plugin that it is of, {OUT}"
MIRRORS: Final = {
    "ha-mode": "exactly",
    "ha-params": 2,
    "ha-promote-on-failure": "always",
    "ha-promote-on-shutdown": "always",
    "ha-sync-batch-size": 10,
    "ha-sync-mode": "manual",
}


def write(folder: Path, definition: str) -> None:
    (folder / "topology.yaml").write_text(SPEC.replace("DEFINITION", definition))


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        ("shards-per-node: 2, max-length: 3", SHARDS),
        ("nonsense: 1, max-length: 3", NONSENSE),
    ],
)
def test_a_key_that_rabbitmq_does_not_know(live: Live, tmp_path: Path, definition: str, reason: str) -> None:
    write(tmp_path, definition)
    report = live.apply(desired_in(tmp_path))
    assert [one.reason for one in report.results if one.status is Status.FAILED] == [reason]


def test_what_was_for_mirrored_queues_is_found_by_the_plan_where_rabbitmq_has_none(
    live: Live, tmp_path: Path
) -> None:
    write(tmp_path, "ha-mode: all")
    report = live.apply(desired_in(tmp_path))
    major = BrokerIdentity(location="", version=live.test_broker.version).major
    reasons = [one.reason for one in report.results if one.status is Status.HELD_BACK]
    assert reasons == list(filter(None, [why_refused(["ha-mode"], major)]))
    assert report.exit_code() is ExitCode.DONE


@pytest.mark.parametrize("key", MIRRORS)
def test_rabbitmq_knows_the_keys_of_mirrors_as_we_do(http: httpx.Client, vhost: str, key: str) -> None:
    version = http.get("/api/overview").raise_for_status().json()["rabbitmq_version"]
    body = {"pattern": "^none$", "apply-to": "queues", "definition": {key: MIRRORS[key]}}
    answer = http.put(f"/api/policies/{vhost}/p", json=body)
    is_unknown = "not recognised" in answer.text
    major = BrokerIdentity(location="", version=version).major
    assert is_unknown == (why_refused([key], major) is not None), answer.text
