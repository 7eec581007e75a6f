"""What is different about a topology that is only tried."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.contracts.checking import check
from proca_topo.contracts.trial import for_trial
from proca_topo.contracts.verdicts import all_kept
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.desired import Desired
from tests.contracts.test_shipped import every_spec
from tests.spec.nouns import bound, desired_of, linked

SPEC: Final = """\
topology: 1
owns: ["s.*", "{org}.*"]
exchanges: {s.in: {type: topic, bindings: [{exchange: amq.topic, key: "#"}, {exchange: billing}]}}
queues:
  s.quick: {ttl: 50ms, bindings: [{exchange: s.in, key: quick}]}
  s.slow: {ttl: 1h, max-length: 1, expires: 1s, auto-delete: true, bindings: [{exchange: billing, key: slow}]}
policies:
  s.limits: {pattern: "^s", definition: {message-ttl: 1d, max-length-bytes: 1, dead-letter-exchange: s.in}}
org:
  queues: {"{org}.crm": {bindings: [{exchange: s.in, key: "{org}"}]}}
  bindings: [{exchange: s.in, key: "{org}.slow", queue: s.slow}]
"""


@pytest.fixture
def desired() -> Desired:
    return desired_of(SPEC, {"acme": "", "beta": ""})


def test_delays_are_short_and_limits_wide(desired: Desired) -> None:
    trial = for_trial(desired, None)
    assert trial.queues["s.quick"] == desired.queues["s.quick"]
    slow = trial.queues["s.slow"]
    assert slow.arguments.to_dict() == {
        "x-message-ttl": 200,
        "x-max-length": 1_000_000_000,
        "x-expires": 86_400_000,
    }
    assert not slow.auto_delete
    assert trial.policies["s.limits"].definition.to_dict() == {
        "message-ttl": 200,
        "max-length-bytes": 10**15,
        "dead-letter-exchange": "s.in",
    }


def test_bindings_from_what_is_not_there_are_left_out(desired: Desired) -> None:
    left_out = desired.bindings - for_trial(desired, None).bindings
    assert left_out == {linked("billing", "", "s.in"), bound("billing", "slow", "s.slow")}


def test_only_one_org_and_what_all_share(desired: Desired) -> None:
    trial = for_trial(desired, ["beta"])
    assert trial.exchanges == desired.exchanges
    assert trial.queues.keys() == {"s.quick", "s.slow", "beta.crm"}
    assert trial.bindings == {
        linked("amq.topic", "#", "s.in"),
        bound("s.in", "quick", "s.quick"),
        bound("s.in", "beta", "beta.crm"),
        bound("s.in", "beta.slow", "s.slow"),
    }


@every_spec
def test_messages_go_the_same_ways(directory: Path) -> None:
    """Also where the contracts are of one org, and only that one is there."""
    desired = load_desired(read_topology(directory), with_routes=True)
    trial = for_trial(desired, ["acme"])
    assert all_kept(check(trial, desired.routes_of(["acme"])))
    assert all_kept(check(for_trial(desired, None), desired.routes))
