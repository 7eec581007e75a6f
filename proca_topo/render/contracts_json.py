"""What became of the route contracts, as JSON: a public format, versioned, with a JSON Schema."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from proca_topo.contracts.verdicts import State, Verdict
from proca_topo.render.documents import BrokerDocument, Document
from proca_topo.render.json_text import json_text
from proca_topo.render.plan_json import broker_document
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.route_contracts import After


class MessageDocument(Document):
    """What is published."""

    exchange: str = Field(description="empty for the default exchange")
    routing_key: str
    headers: dict[str, Any]


class VerdictDocument(Document):
    """One contract and what became of it."""

    org: str | None = Field(description="null for what all orgs share")
    name: str | None
    place: str = Field(description="`file:line:column` of the contract")
    publish: MessageDocument
    after: After | None = Field(description="what happens before one looks where the message is; null for nothing")
    state: State
    promised: list[str] = Field(description="the queues that it must reach, and no others")
    reached: list[str]
    missing: list[str]
    unexpected: list[str]
    doubts: list[str] = Field(description="why it is undecided, for people")


class VerdictSummary(Document):
    """How many contracts there are of each state."""

    kept: int
    broken: int
    undecided: int


class TestDocument(Document):
    """All contracts that were checked."""

    format_version: Literal[1] = Field(description="grows when a reader of the format has to change")
    broker: BrokerDocument | None = Field(description="on which the messages were published; null if offline")
    summary: VerdictSummary
    contracts: list[VerdictDocument]


def verdicts_json(verdicts: Sequence[Verdict], broker: BrokerIdentity | None = None) -> str:
    """All of them, a contract a line."""
    counts = {state.value: sum(verdict.state is state for verdict in verdicts) for state in State}
    document = TestDocument(
        format_version=1,
        broker=None if broker is None else broker_document(broker),
        summary=VerdictSummary(**counts),
        contracts=[_verdict(verdict) for verdict in verdicts],
    )
    return json_text(document, one_a_line="contracts")


def verdicts_schema() -> dict[str, Any]:
    """The JSON Schema of `verdicts_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TestDocument.model_json_schema(mode="serialization"),
    }


def _verdict(verdict: Verdict) -> VerdictDocument:
    contract = verdict.contract
    return VerdictDocument(
        org=contract.org,
        name=contract.name,
        place=contract.place,
        publish=MessageDocument(
            exchange=contract.exchange,
            routing_key=contract.message.routing_key,
            headers=dict(contract.message.headers),
        ),
        after=contract.after,
        state=verdict.state,
        promised=sorted(contract.reaches),
        reached=sorted(verdict.outcome.queues),
        missing=list(verdict.missing),
        unexpected=list(verdict.unexpected),
        doubts=sorted(verdict.outcome.doubts),
    )
