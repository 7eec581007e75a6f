"""What goes on in the queues, as JSON: a public format, versioned, with a JSON Schema."""

from dataclasses import asdict
from typing import Any

from proca_topo.plan.status import Status
from proca_topo.render.documents import (
    CircuitDocument,
    ExchangeReplacementDocument,
    OrgCountsDocument,
    QueueStatusDocument,
    ReplacementDocument,
    StatusDocument,
    StatusSummary,
)
from proca_topo.render.json_text import json_text
from proca_topo.render.plan_json import broker_document
from proca_topo.topology.definitions import definition


def status_json(status: Status) -> str:
    """All of it, a queue a line."""
    return json_text(status_document(status), one_a_line="queues")


def status_schema() -> dict[str, Any]:
    """The JSON Schema of `status_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **StatusDocument.model_json_schema(mode="serialization"),
    }


def status_document(status: Status) -> StatusDocument:
    """The status as its public document."""
    return StatusDocument(
        format_version=1,
        broker=broker_document(status.broker),
        vhost=status.vhost,
        orgs=list(status.orgs),
        summary=StatusSummary(**asdict(status.counts), held=status.held, absent=len(status.absent)),
        by_org=[OrgCountsDocument(org=org, **asdict(counts)) for org, counts in status.by_org.items()],
        replacements=[
            ReplacementDocument(
                queue=one.found.replaced.was.name,
                becomes=one.found.replaced.becomes,
                org=one.org,
                parked=one.found.parked,
                arriving=one.found.arriving,
                old_is_gone=one.found.old_is_gone,
                held_back=one.held_back,
            )
            for one in status.replacements
        ],
        exchange_replacements=[
            ExchangeReplacementDocument(
                exchange=one.found.replaced.was.name,
                org=one.org,
                was=definition(one.found.replaced.was),
                becomes=definition(one.found.replaced.becomes),
                is_gone=one.found.there is None,
            )
            for one in status.exchanges
        ],
        circuits=[
            CircuitDocument(
                queue=one.queue,
                org=one.org,
                messages=one.activity.messages,
                delay_ms=one.delay_milliseconds,
                returns_to=list(one.returns_to),
            )
            for one in status.circuits
        ],
        absent=list(status.absent),
        queues=[
            QueueStatusDocument(
                name=one.name,
                org=one.org,
                state=one.state,
                ready=one.activity.ready,
                unacknowledged=one.activity.unacknowledged,
                counted=one.activity.counted,
                consumers=one.activity.consumers,
                circuits=list(one.circuits),
                waits_for=one.waits_for,
                routes=one.routes,
            )
            for one in status.queues
        ],
    )
