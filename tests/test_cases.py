"""Every folder in tests/cases is a story: a spec, what exists, the plan that is expected of it, and what is left.

Each is played on a real broker: plan, compare, apply, compare, plan again. Where it has no messages in it, it is
played on a definitions file as well. `pytest tests/test_cases.py --write-cases` writes the expected files anew;
read the difference before it is committed.

    case.yaml       story; prune, replace, orgs_asked, messages (queue: count). Where they wait for their turn that
                    is long, so that on a slow machine too they are there to the end
    topology.yaml   the spec, with orgs/ where it has any
    existing.json   what is on the broker beforehand, as definitions
    plan.txt        the plan as a person sees it
    plan.json       the same for programs
    report.txt      what apply says it did
    left.txt        the plan after apply; only where something is held back or draining. Otherwise it must be empty
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from proca_topo.apply.report import Report
from proca_topo.apply.run import apply_plan
from proca_topo.apply.survey import read_existing
from proca_topo.apply.watch import SILENT
from proca_topo.broker.definitions.file import DefinitionsFile
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Plan, Replacing
from proca_topo.plan.impact.telling import with_impact
from proca_topo.plan.planner import make_plan
from proca_topo.render.plan_json import plan_json
from proca_topo.render.plan_text import plan_text
from proca_topo.render.report_text import report_text
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import BrokerIdentity
from tests.brokers.fixtures import TestBroker
from tests.live import desired_in, live_vhost

CASES = Path(__file__).parent / "cases"
# So that the expected files hold for every broker and vhost.
ANY_BROKER = BrokerIdentity(location="http://127.0.0.1:15672", version="3.10.8")
ANY_VHOST = "proca"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One folder."""

    folder: Path
    settings: Mapping[str, Any]

    @property
    def existing(self) -> dict[str, Any]:
        definitions: dict[str, Any] = json.loads((self.folder / "existing.json").read_text())
        return definitions

    @property
    def messages(self) -> dict[str, int]:
        counts: dict[str, int] = self.settings.get("messages", {})
        return counts

    @property
    def desired(self) -> Desired:
        return desired_in(self.folder, tuple(self.settings.get("orgs_asked", ())))

    @property
    def prune(self) -> bool:
        return bool(self.settings.get("prune", False))

    @property
    def replacing(self) -> Replacing:
        return Replacing.IDLE if self.settings.get("replace", False) else Replacing.FINISHING


@dataclass(frozen=True, kw_only=True)
class Writing:
    """Whether the expected files are to be written anew."""

    expected: bool


def _case(folder: Path) -> Case:
    return Case(folder=folder, settings=yaml.safe_load((folder / "case.yaml").read_text()))


EVERY_CASE = [_case(folder) for folder in sorted(CASES.iterdir())]


def ids(case: Case) -> str:
    return case.folder.name


@pytest.fixture
def write(request: pytest.FixtureRequest) -> Writing:
    return Writing(expected=bool(request.config.getoption("--write-cases")))


@pytest.mark.broker
@pytest.mark.parametrize("case", EVERY_CASE, ids=ids)
def test_case_on_a_real_broker(case: Case, broker_urls: TestBroker, vhost: str, write: Writing) -> None:
    with live_vhost(broker_urls, vhost) as live:
        live.load(case.existing)
        for queue, count in case.messages.items():
            live.fill(queue, count)
        not_ours = _not_owned(live.definitions(), case.desired)
        plan, report = _play(case, live.broker, vhost)
        assert _not_owned(live.definitions(), case.desired) == not_ours
        for queue, count in case.messages.items():
            # Over AMQP, because the management API's count of one queue may be seconds old.
            with live.channel() as channel:
                assert channel.queue_declare(queue, passive=True).method.message_count == count
        _compare(case, plan, report, write=write.expected)
        left = _plan(case, live.broker, vhost)
        assert [c.noun for c in left.changes] == [c.noun for c in report.after.changes] if report.after else False


@pytest.mark.parametrize("case", [c for c in EVERY_CASE if not c.messages], ids=ids)
def test_case_on_a_definitions_file(case: Case, tmp_path: Path) -> None:
    file = tmp_path / "broker.json"
    file.write_text(json.dumps(case.existing))
    broker = DefinitionsFile(file)
    plan, report = _play(case, broker, ANY_VHOST)
    _compare(case, plan, report, write=False)


def test_every_case_tells_its_own_story() -> None:
    stories = [case.settings["story"] for case in EVERY_CASE]
    assert len(set(stories)) == len(stories) >= 30


def _plan(case: Case, broker: Broker, vhost: str) -> Plan:
    existing = read_existing(broker, vhost, case.desired, with_prune=case.prune, replacing=case.replacing)
    return _anywhere(make_plan(existing, case.desired, with_prune=case.prune, replacing=case.replacing))


def _play(case: Case, broker: Broker, vhost: str) -> tuple[Plan, Report]:
    flags: dict[str, Any] = {"with_prune": case.prune, "replacing": case.replacing}
    existing = read_existing(broker, vhost, case.desired, **flags)
    plan = with_impact(make_plan(existing, case.desired, **flags), existing, case.desired)
    report = apply_plan(plan, existing, case.desired, broker, **flags, watch=SILENT)
    assert report.after is not None
    report = replace(report, plan=_anywhere(report.plan), after=_anywhere(report.after))
    return _anywhere(plan), report


def _anywhere(plan: Plan) -> Plan:
    return replace(plan, broker=ANY_BROKER, vhost=ANY_VHOST)


def _compare(case: Case, plan: Plan, report: Report, *, write: bool) -> None:
    assert report.after is not None
    left = plan_text(report.after) if report.after.changes else None
    seen = {
        "plan.txt": plan_text(plan),
        "plan.json": plan_json(plan),
        "report.txt": report_text(report),
        "left.txt": left,
    }
    if write:
        for name, text in seen.items():
            if text is None:
                (case.folder / name).unlink(missing_ok=True)
            else:
                (case.folder / name).write_text(text)
    for name, text in seen.items():
        file = case.folder / name
        assert (file.read_text() if file.exists() else None) == text, f"{file} differs"
    assert report.after.to_do == ()


def _not_owned(definitions: Mapping[str, Any], desired: Desired) -> dict[str, list[Any]]:
    """What is there and not ours, as RabbitMQ itself exports it."""
    owns = desired.ownership.owns_name
    return {
        section: [o for o in objects if not owns(o["destination"] if section == "bindings" else o["name"])]
        for section, objects in definitions.items()
    }
