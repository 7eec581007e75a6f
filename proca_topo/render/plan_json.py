"""A plan as JSON: a public format, versioned, with a JSON Schema."""

from typing import Any

from proca_topo.plan.changes import Change, Delete, Plan, Replace, Retire, Update, action_of
from proca_topo.plan.impact.facts import Impact
from proca_topo.plan.replacing.policy_advice import advice
from proca_topo.render.documents import (
    AdviceDocument,
    BrokerDocument,
    ChangeDocument,
    DifferenceDocument,
    HazardDocument,
    ImpactDocument,
    LeavingDocument,
    PlanDocument,
    PlanSummary,
    RouteDocument,
)
from proca_topo.render.json_text import json_text
from proca_topo.topology.definitions import definition
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.nouns import kind_of


def plan_json(plan: Plan) -> str:
    """The whole plan, a change a line."""
    return json_text(plan_document(plan), one_a_line="changes")


def plan_schema() -> dict[str, Any]:
    """The JSON Schema of `plan_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **PlanDocument.model_json_schema(mode="serialization"),
    }


def plan_document(plan: Plan) -> PlanDocument:
    """The plan as its public document."""
    return PlanDocument(
        format_version=1,
        broker=broker_document(plan.broker),
        vhost=plan.vhost,
        new_vhost=plan.new_vhost,
        orgs=list(plan.orgs),
        summary=PlanSummary(
            **{action.value: count for action, count in plan.counts().items()},
            held_back=plan.held_back,
            unchanged=plan.unchanged,
        ),
        refused=plan.refused,
        advice=[
            AdviceDocument(
                settings=list(one.settings),
                queues=list(one.queues),
                text=one.text,
                yaml="\n".join(one.yaml) + "\n",
            )
            for one in advice(plan)
        ],
        changes=[ChangeDocument(**change_fields(change)) for change in plan.changes],
    )


def broker_document(broker: BrokerIdentity) -> BrokerDocument:
    """A broker's identity as its public document."""
    return BrokerDocument(location=broker.location, version=broker.version, cluster_name=broker.cluster_name)


def change_fields(change: Change) -> dict[str, Any]:
    """What the document of a change holds, for it and for those that say more."""
    differences = change.differences if isinstance(change, (Update, Replace)) else ()
    return {
        "action": action_of(change),
        "kind": kind_of(change.noun),
        "name": change.noun.name,
        "org": change.org,
        "hazards": [HazardDocument(code=hazard.code, message=hazard.message) for hazard in change.hazards],
        "held_back": change.held_back,
        "reason": change.reason if isinstance(change, Retire) else None,
        "along_with": change.along_with if isinstance(change, Delete) else None,
        "impact": _impact(change.impact) if change.impact is not None else None,
        "diff": [DifferenceDocument(path=d.path, before=d.before, after=d.after) for d in differences],
        "object": definition(change.noun),
    }


def _impact(impact: Impact) -> ImpactDocument:
    return ImpactDocument(
        routes=[
            RouteDocument(
                exchange=route.exchange,
                key=route.key,
                headers=dict(route.headers),
                before=list(route.before),
                after=list(route.after),
            )
            for route in impact.routes
        ],
        route_count=impact.route_count,
        leaving=[
            LeavingDocument(leaving=one.leaving, name=one.name, before=list(one.before), after=list(one.after))
            for one in impact.leaving
        ],
        leaving_count=impact.leaving_count,
        unknown_type=impact.unknown_type,
        is_partial=impact.is_partial,
    )
