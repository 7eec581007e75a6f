"""The public format."""

import json
from functools import partial
from pathlib import Path

import jsonschema
import pytest

from proca_topo.plan.changes import Plan
from proca_topo.render.plan_json import plan_json, plan_schema
from proca_topo.render.report_json import report_schema
from proca_topo.render.status_json import status_schema
from tests.calls import assert_grows_with_size
from tests.render.plans import EVERY_ACTION, EVIL, evil_plan, of_orgs, plan_of
from tests.render.unsafe import assert_harmless

DOCS = Path(__file__).parents[2] / "docs"


def test_head_and_summary() -> None:
    document = json.loads(plan_json(plan_of(*EVERY_ACTION)))
    del document["changes"]
    assert document == {
        "format_version": 1,
        "broker": {"location": "http://localhost:15672", "version": "4.0.5", "cluster_name": "rabbit@one"},
        "vhost": "proca",
        "new_vhost": False,
        "orgs": [],
        "summary": {
            "declare": 5,
            "update": 1,
            "replace": 1,
            "retire": 1,
            "delete": 3,
            "held_back": 5,
            "unchanged": 120,
        },
        "refused": None,
        "advice": [],
    }


def test_a_declaration_carries_the_object_as_definitions_spell_it() -> None:
    document = json.loads(plan_json(plan_of(EVERY_ACTION[3])))
    assert document["changes"] == [
        {
            "action": "declare",
            "kind": "queue",
            "name": "system.retry",
            "org": None,
            "hazards": [],
            "held_back": None,
            "reason": None,
            "along_with": None,
            "impact": None,
            "diff": [],
            "object": {
                "name": "system.retry",
                "durable": True,
                "auto_delete": False,
                "arguments": {
                    "x-dead-letter-exchange": "system.retry",
                    "x-message-ttl": 30000,
                    "x-queue-type": "quorum",
                },
            },
        }
    ]


def test_a_replacement_carries_differences_and_hazards() -> None:
    [change] = json.loads(plan_json(plan_of(EVERY_ACTION[4])))["changes"]
    assert change["org"] == "acme"
    assert change["diff"] == [{"path": "arguments.x-message-ttl", "before": 20000, "after": None}]
    assert [hazard["code"] for hazard in change["hazards"]] == ["messages-at-stake", "redeclare-refused"]
    assert change["held_back"] == "RabbitMQ cannot change it in place, and deleting it would lose what is in it"


def test_a_retirement_carries_its_reason_and_a_way_back_its_queue() -> None:
    changes = json.loads(plan_json(plan_of(EVERY_ACTION[7], EVERY_ACTION[10])))["changes"]
    assert [(c["name"], c["reason"], c["along_with"]) for c in changes] == [
        ("system.retry -[old.crm]-> old.crm", None, "old.crm"),
        ("old.moderate", "3 messages in it", None),
    ]


def test_a_change_is_one_line() -> None:
    lines = plan_json(plan_of(*EVERY_ACTION)).splitlines()
    assert sum(line.startswith('    {"action": ') for line in lines) == len(EVERY_ACTION)


@pytest.mark.parametrize("plan", [plan_of(), plan_of(*EVERY_ACTION), evil_plan()], ids=["empty", "every", "evil"])
def test_plans_fit_the_schema(plan: Plan) -> None:
    jsonschema.validate(json.loads(plan_json(plan)), plan_schema())


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("plan.schema.json", plan_schema()),
        ("report.schema.json", report_schema()),
        ("status.schema.json", status_schema()),
    ],
)
def test_the_schema_in_docs_is_current(file: str, schema: dict[str, object]) -> None:
    assert json.loads((DOCS / file).read_text()) == schema, "run scripts/docs.py"


def test_names_cannot_do_anything_to_a_terminal_and_come_back_whole() -> None:
    text = plan_json(evil_plan())
    assert_harmless(text)
    assert json.loads(text)["changes"][0]["name"] == EVIL


def test_the_cost_grows_with_the_number_of_changes() -> None:
    assert_grows_with_size(lambda orgs: partial(plan_json, of_orgs(orgs)), 100)
