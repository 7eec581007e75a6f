"""A policy that leads to what a replacement brings is set by the same apply, once that is there."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from proca_topo.apply.report import Report, Status
from proca_topo.apply.run import apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT
from proca_topo.errors import ExitCode
from proca_topo.plan.changes import Replacing
from proca_topo.plan.planner import make_plan
from tests.live import Live, desired_in, restricted
from tests.waiting import wait_until

pytestmark = pytest.mark.broker

COUNT: Final = 5
SPEC: Final = """\
topology: 1
owns: [in, "fail*", back, work, "wait*", p]
exchanges: {in: {type: topic}, FAIL: {type: fanout}, back: {type: topic}}
queues:
  work: {type: classic, bindings: [{exchange: in, key: a}, {exchange: back, key: "#"}]}
  WAIT: {type: classic, OLD ttl: 3600000, dead-letter: {exchange: back}, bindings: [{exchange: FAIL}]}
policies:
  p: {pattern: "^work$", apply-to: queues, definition: {dead-letter-exchange: FAIL}}
"""


def write(folder: Path, number: int, old: str = "") -> None:
    text = SPEC.replace("FAIL", f"fail{number}").replace("WAIT", f"wait{number}").replace("OLD", old)
    (folder / "topology.yaml").write_text(text)


def reject(live: Live, count: int) -> None:
    live.fill("work", count)
    with live.channel() as channel:
        for _ in range(count):
            method, _, _ = channel.basic_get("work")
            assert method is not None
            channel.basic_nack(method.delivery_tag, requeue=False)


def told(report: Report) -> dict[str, Status]:
    return {result.change.noun.name: result.status for result in report.results}


@pytest.fixture
def before(live: Live, tmp_path: Path) -> Live:
    """A circuit in which messages wait, and a spec that gives its waiting queue another name."""
    write(tmp_path, 1)
    live.apply(desired_in(tmp_path))
    reject(live, COUNT)
    wait_until(lambda: live.ready("wait1") == COUNT, "they wait", seconds=60)
    write(tmp_path, 2, old="renamed_from: wait1,")
    return live


def test_one_apply_replaces_the_waiting_queue_and_leads_to_it(before: Live, tmp_path: Path) -> None:
    report = before.apply(desired_in(tmp_path), with_prune=True, replacing=Replacing.IDLE)
    assert told(report)["p"] is Status.APPLIED
    assert report.exit_code() is ExitCode.DONE
    assert report.after is not None
    assert "p" not in {change.noun.name for change in report.after.changes}
    reject(before, 1)
    wait_until(lambda: before.ready("wait2") == COUNT + 1, "all wait in the new queue", seconds=60)


def test_it_waits_for_a_replacement_that_was_interrupted(before: Live, tmp_path: Path) -> None:
    desired = desired_in(tmp_path)
    existing = read_existing(before.broker, before.vhost, desired, with_prune=False, replacing=Replacing.IDLE)
    plan = make_plan(existing, desired, replacing=Replacing.IDLE)
    with before.channel() as channel:
        channel.basic_consume("wait1", lambda *_: None)
        report = apply_plan(
            plan, existing, desired, before.broker, with_prune=False, watch=SILENT, replacing=Replacing.IDLE
        )
    assert (told(report)["wait2"], told(report)["p"]) == (Status.FAILED, Status.NOT_TRIED)
    reject(before, 1)
    assert told(before.apply(desired))["p"] is Status.APPLIED
    reject(before, 1)
    wait_until(lambda: before.ready("wait2") == COUNT + 2, "all wait in the new queue", seconds=60)


def test_it_is_held_back_with_a_replacement_that_turns_out_not_to_be_possible(
    before: Live, tmp_path: Path
) -> None:
    """What is rejected meanwhile waits where it did."""
    desired = desired_in(tmp_path)
    with restricted(before, read="^(?!wait1)") as broker:
        report = replace(before, broker=broker).apply(desired, replacing=Replacing.IDLE)
    assert {told(report)[name] for name in ("wait2", "fail2 -[]-> wait2", "p")} == {Status.HELD_BACK}
    assert report.exit_code() is ExitCode.DONE
    reject(before, 1)
    wait_until(lambda: before.ready("wait1") == COUNT + 1, "all wait in the old queue", seconds=60)
