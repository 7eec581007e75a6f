"""A plan as a file for a later apply: its JSON with what it depended on, written and read back."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, assert_never

from pydantic import ValidationError

from proca_topo.broker.wire import QUEUE_TYPE, binding_from, exchange_from, policy_from, queue_from
from proca_topo.errors import BrokerError, UsageError
from proca_topo.plan.changes import Plan
from proca_topo.plan.saved import SavedChange, SavedPlan
from proca_topo.render.documents import SavedChangeDocument, SavedPlanDocument
from proca_topo.render.json_text import json_text
from proca_topo.render.plan_json import change_fields, plan_document
from proca_topo.topology.definitions import definition
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.names import one_line, shown
from proca_topo.topology.nouns import Kind, Noun

_VERSION: Final = 1
_SPEC_LINE: Final = re.compile(
    r"^(topology|vhost|owns|ignore|exchanges|circuits|queues|bindings|policies|org|options)\s*:", re.MULTILINE
)
_SPEC: Final = "it looks like a part of the spec; apply reads that without being told, and -C says from where"
_DEFINITIONS: Final = (
    "rabbit_version",
    "rabbitmq_version",
    "vhosts",
    "exchanges",
    "queues",
    "bindings",
    "policies",
)


def saved_plan_json(plan: Plan, saved: SavedPlan) -> str:
    """The whole file, a change a line. `saved` is what is kept of `plan`."""
    document = SavedPlanDocument(
        **{
            **dict(plan_document(plan)),
            "changes": [
                SavedChangeDocument(
                    **change_fields(change), before=None if kept.before is None else definition(kept.before)
                )
                for change, kept in zip(plan.changes, saved.changes, strict=True)
            ],
        },
        prune=saved.with_prune,
        replacing=saved.replacing,
        default_queue_type=saved.default_queue_type,
        as_desired=sorted(saved.as_desired),
    )
    return json_text(document, one_a_line="changes")


def saved_plan_schema() -> dict[str, Any]:
    """The JSON Schema of `saved_plan_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **SavedPlanDocument.model_json_schema(mode="serialization"),
    }


def saved_plan_from(text: str, file: str) -> SavedPlan:
    """What `saved_plan_json` wrote. Raises UsageError, which says what the file seems to be instead."""
    content = _content(text, file)
    if (other := _something_else(content)) is not None:
        raise _no_plan(file, other)
    version = content.get("format_version")
    if isinstance(version, int) and version > _VERSION:
        raise UsageError(
            f"{shown(file)} was written by a newer proca-topo: its format_version is {version}, and this one reads"
            f" {_VERSION}; apply it with the proca-topo that made it, or make a new plan"
        )
    try:
        document = SavedPlanDocument.model_validate_json(text, strict=True)
        changes = tuple(_change(change) for change in document.changes)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise _no_plan(file, f"{one_line(place)}: {one_line(first['msg'])}") from error
    except BrokerError as error:
        raise _no_plan(file, str(error)) from error
    broker = document.broker
    return SavedPlan(
        broker=BrokerIdentity(location=broker.location, version=broker.version, cluster_name=broker.cluster_name),
        vhost=document.vhost,
        orgs=tuple(document.orgs),
        with_prune=document.prune,
        replacing=document.replacing,
        default_queue_type=document.default_queue_type,
        changes=changes,
        as_desired=frozenset(document.as_desired),
        refused=document.refused,
    )


def is_saved_plan(text: str) -> bool:
    """Whether a file with this text may be one that `saved_plan_json` wrote, of this version or another."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and _something_else(content) is None


def _change(document: SavedChangeDocument) -> SavedChange:
    return SavedChange(
        action=document.action,
        noun=_noun(document.kind, document.object),
        before=None if document.before is None else _noun(document.kind, document.before),
        held_back=document.held_back is not None,
        along_with=document.along_with,
    )


def _noun(kind: Kind, entry: Mapping[str, Any]) -> Noun:
    match kind:
        case Kind.EXCHANGE:
            return exchange_from(entry)
        case Kind.QUEUE:
            queue = queue_from(entry)
            # Elsewhere a queue without a type is a classic one; here it has none yet.
            return queue if QUEUE_TYPE in (entry.get("arguments") or {}) else replace(queue, type=None)
        case Kind.BINDING:
            return binding_from(entry)
        case Kind.POLICY:
            return policy_from(entry)
        case _:
            assert_never(kind)


def _content(text: str, file: str) -> Mapping[str, Any]:
    try:
        content = json.loads(text)
    except RecursionError as error:
        raise _no_plan(file, "it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise _no_plan(
            file, _text_that_is_no_json(text) or f"{error.lineno}:{error.colno}: {error.msg}"
        ) from error
    if not isinstance(content, dict):
        raise _no_plan(file, "its top level is no object")
    return content


def _no_plan(file: str, why: str) -> UsageError:
    return UsageError(f"{shown(file)} is no plan that plan --out has written: {why}")


def _text_that_is_no_json(text: str) -> str | None:
    if not text.strip():
        return "it is empty"
    if text.lstrip("# ").startswith("Plan for vhost "):
        return "it is a plan for people to read; write one for apply with plan --out"
    if _SPEC_LINE.search(text):
        return _SPEC
    return None


def _something_else(content: Mapping[str, Any]) -> str | None:
    if "changes" in content:
        if "outcome" in content:
            return "it is what apply --format json has written about an apply"
        if "as_desired" not in content:
            return "it is what plan --format json has written, which lacks what apply compares; use plan --out"
        return None
    if "topology" in content:
        return _SPEC
    if any(section in content for section in _DEFINITIONS):
        return "it looks like RabbitMQ definitions; if that file is the broker, give it with --broker"
    return "it has no changes"
