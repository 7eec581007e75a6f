"""A replacement that cannot be finished without a loss: plan, apply and status tell it alike."""

from pathlib import Path
from typing import Final

import pytest

from proca_topo.plan.changes import Replacing
from tests.apply.replacing.killing import killed_at
from tests.brokers.fixtures import TestBroker
from tests.cli.command import Place
from tests.cli.test_live import LivePlace
from tests.live import desired_in, live_vhost

pytestmark = pytest.mark.broker

SPEC: Final = """\
topology: 1
owns: ["{org}.confirm", deliver]
exchanges: {deliver: {type: topic}}
org:
  queues:
    "{org}.confirm": {MORE bindings: [{exchange: deliver, key: "{org}"}]}
"""
REASON: Final = (
    "the message-ttl 100 would drop 3 messages held for it, which no dead-letter exchange takes, and the queue as"
    " it was would not keep them either: take the message-ttl out of the policy theirs, or give the queue a"
    " dead-letter exchange, and apply again"
)


def write(folder: Path, more: str = "") -> None:
    (folder / "topology.yaml").write_text(SPEC.replace("MORE", more))


@pytest.fixture
def live(place: Place, broker_urls: TestBroker, vhost: str) -> LivePlace:
    write(place.path)
    place.write_org("acme")
    return LivePlace(place, broker_urls, vhost)


def in_one_line(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("org", [(), ("--org", "acme")])
def test_it_is_told_in_the_plan_the_report_and_the_status(
    org: tuple[str, ...], live: LivePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Held back like anything else, until the policy is gone."""
    assert live.run("apply").code == 0
    folder = live.place.path
    with live_vhost(live.broker, live.vhost) as world:
        world.fill("acme.confirm", 3)
        write(folder, "arguments: {x-max-priority: 5},")
        with killed_at(monkeypatch, "DECLARE_NEW"):
            world.apply(desired_in(folder), replacing=Replacing.IDLE)
        policy = {"pattern": "^acme", "definition": {"message-ttl": 100}, "apply-to": "queues"}
        world.http.put(f"/api/policies/{world.path}/theirs", json=policy).raise_for_status()

        status = live.run("status", *org)
        assert f"the old queue is gone; held back: {REASON}" in in_one_line(status.out)
        [told] = live.run("status", "--format", "json", *org).document()["replacements"]
        assert (told["parked"], told["held_back"]) == (3, REASON)
        plan = live.run("plan", "--detailed-exitcode", *org)
        assert (plan.code, plan.err) == (3, "")
        assert REASON in in_one_line(plan.out)
        assert "apply finishes it" not in plan.out
        for flags, code in (((), 0), (("--detailed-exitcode",), 3)):
            applied = live.run("apply", *flags, *org)
            assert (applied.code, applied.err) == (code, "")
            assert REASON in in_one_line(applied.out)
            assert "held back: what each needs is said above" in in_one_line(applied.out)

        world.http.delete(f"/api/policies/{world.path}/theirs").raise_for_status()
        [told] = live.run("status", "--format", "json", *org).document()["replacements"]
        assert told["held_back"] is None
        assert live.run("apply", "--detailed-exitcode", *org).code == 0
        assert world.ready("acme.confirm") == 3
