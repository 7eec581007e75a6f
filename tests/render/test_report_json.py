"""The public format of what an apply did."""

import json

import jsonschema

from proca_topo.apply.report import Report, Result, Status
from proca_topo.plan.changes import Declare, Retire
from proca_topo.render.report_json import report_json, report_schema
from proca_topo.topology.nouns import Queue
from tests.render.plans import EVIL, applied, evil_plan, plan_of, report_of
from tests.render.unsafe import assert_harmless

CRM = Declare(noun=Queue(name="acme.crm"), org="acme")
DRAINS = Retire(noun=Queue(name="old.crm"), org="old", reason="3 messages in it")


def test_every_change_has_its_status_and_reason() -> None:
    report = report_of(
        *applied(CRM),
        Result(change=DRAINS, status=Status.DRAINING, reason="3 messages in it"),
        Result(change=Declare(noun=Queue(name="x")), status=Status.FAILED, reason="403: refused"),
    )
    document = json.loads(report_json(report))
    jsonschema.validate(document, report_schema())
    assert [(c["name"], c["status"], c["reason"]) for c in document["changes"]] == [
        ("acme.crm", "applied", None),
        ("old.crm", "draining", "3 messages in it"),
        ("x", "failed", "403: refused"),
    ]
    assert document["summary"] == {
        "applied": 1,
        "failed": 1,
        "not_tried": 0,
        "held_back": 0,
        "draining": 1,
        "unchanged": 120,
    }
    assert document["outcome"].startswith("Partly applied: 1 of 2 changes.")


def test_what_nobody_can_explain_is_listed() -> None:
    document = json.loads(report_json(report_of(*applied(CRM), after=plan_of(CRM))))
    jsonschema.validate(document, report_schema())
    assert [change["name"] for change in document["unexplained"]] == ["acme.crm"]


def test_names_and_reasons_cannot_do_anything_to_a_terminal() -> None:
    plan = evil_plan()
    results = tuple(Result(change=c, status=Status.FAILED, reason=EVIL) for c in plan.changes)
    text = report_json(Report(plan=plan, results=results, after=None, unread=EVIL, stopped=EVIL))
    assert_harmless(text)
    jsonschema.validate(json.loads(text), report_schema())
