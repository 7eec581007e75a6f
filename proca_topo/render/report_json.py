"""What an apply did, as JSON: the plan's format with a status for each change."""

from typing import Any

from proca_topo.apply.report import Report
from proca_topo.render.documents import ChangeDocument, ReportDocument, ReportSummary, ResultDocument
from proca_topo.render.json_text import json_text
from proca_topo.render.plan_json import broker_document, change_fields
from proca_topo.render.report_text import outcome


def report_json(report: Report, *, new_plan: str | None = None) -> str:
    """The whole report, a change a line. `new_plan` is as in `outcome`."""
    return json_text(report_document(report, new_plan=new_plan), one_a_line="changes")


def report_schema() -> dict[str, Any]:
    """The JSON Schema of `report_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **ReportDocument.model_json_schema(mode="serialization"),
    }


def report_document(report: Report, *, new_plan: str | None = None) -> ReportDocument:
    """The report as its public document."""
    plan = report.plan
    return ReportDocument(
        format_version=1,
        broker=broker_document(plan.broker),
        vhost=plan.vhost,
        orgs=list(plan.orgs),
        summary=ReportSummary(
            **{status.value: count for status, count in report.counts().items()},
            unchanged=plan.unchanged,
        ),
        outcome=outcome(report, new_plan=new_plan),
        stopped=report.stopped,
        unread=report.unread,
        unexplained=[ChangeDocument(**change_fields(change)) for change in report.unexplained],
        changes=[
            ResultDocument(
                **{**change_fields(result.change), "status": result.status, "reason": result.reason},
            )
            for result in report.results
        ],
    )
