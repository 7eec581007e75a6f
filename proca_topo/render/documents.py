"""The public formats of `plan --format json` and `apply --format json`, as models that give their JSON Schema."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from proca_topo.apply.report import Status
from proca_topo.plan.changes import Action, HazardCode, Replacing
from proca_topo.topology.nouns import Kind


class _Document(BaseModel):
    # The schema does not forbid what a later version adds.
    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra=lambda schema: schema.pop("additionalProperties", None)
    )


class BrokerDocument(_Document):
    """Which broker this is."""

    location: str = Field(description="its management URL without credentials, or the path of a definitions file")
    version: str | None = Field(description="RabbitMQ's version; null where it is not known")
    cluster_name: str | None = Field(description="null where it is not known")


class HazardDocument(_Document):
    """One thing that a change can cost."""

    code: HazardCode
    message: str


class DifferenceDocument(_Document):
    """One field that differs."""

    path: str = Field(description="such as `arguments.x-message-ttl`")
    before: Any = Field(description="null where it is absent")
    after: Any = Field(description="null where it is absent")


class ChangeDocument(_Document):
    """One change."""

    action: Action
    kind: Kind
    name: str = Field(description="a binding's reads `source -[routing key]-> destination`")
    org: str | None = Field(description="the org it is for; null for what all orgs share")
    hazards: list[HazardDocument]
    held_back: str | None = Field(description="why apply leaves it, and what would let it through; else null")
    reason: str | None = Field(description="of a retirement: what keeps the object for now; else null")
    along_with: str | None = Field(description="of a binding: the queue whose deletion takes it along; else null")
    diff: list[DifferenceDocument] = Field(description="of an update and a replacement; else empty")
    object: dict[str, Any] = Field(
        description="in the words of RabbitMQ's definitions: as it will be, or for retire and delete as it is"
    )


class AdviceDocument(_Document):
    """Queues that would change in place if these settings were a policy's, and the lines for the first of them."""

    settings: list[str] = Field(description="such as `message-ttl`")
    queues: list[str]
    text: str = Field(description="for people")
    yaml: str = Field(description="for topology.yaml")


class PlanSummary(_Document):
    """How many changes of each action there are, the held back ones included, and how many are held back."""

    declare: int
    update: int
    replace: int
    retire: int
    delete: int
    held_back: int
    unchanged: int = Field(description="objects that are as desired")


class PlanDocument(_Document):
    """Everything that apply would do, in the order in which it would do it."""

    format_version: Literal[1] = Field(description="grows when a reader of the format has to change")
    broker: BrokerDocument
    vhost: str
    orgs: list[str] = Field(description="the orgs that were asked for; empty for a plan of the whole vhost")
    summary: PlanSummary
    refused: str | None = Field(
        description="why apply refuses the whole plan, and the remedy; null if it does not"
    )
    advice: list[AdviceDocument]
    changes: Sequence[ChangeDocument]


class SavedChangeDocument(ChangeDocument):
    """One change, with what it found on the broker."""

    before: dict[str, Any] | None = Field(description="the object as it is on the broker; null where it is absent")


class SavedPlanDocument(PlanDocument):
    """A plan that `apply FILE` makes, as long as it is still the plan."""

    changes: Sequence[SavedChangeDocument]
    prune: bool = Field(description="whether it was made with `--prune`")
    replacing: Replacing = Field(
        default=Replacing.FINISHING,
        description="which replacements it may make: `finishing` those that were begun, `idle` with `--replace`,"
        " `disconnecting` with `--disconnect-consumers` too",
    )
    default_queue_type: str = Field(description="the type of queues that are declared without one")
    as_desired: list[str] = Field(
        description="digests of the objects that need no change; they tell what has changed if the plan is stale"
    )


class ResultDocument(ChangeDocument):
    """One change and what became of it."""

    status: Status
    reason: str | None = Field(description="why it was not applied, or not yet; null where it was")


class ReportSummary(_Document):
    """How many changes came to each end."""

    applied: int
    failed: int
    not_tried: int
    held_back: int
    draining: int
    unchanged: int = Field(description="objects that were as desired before")


class ReportDocument(_Document):
    """What an apply did, checked by reading the broker afterwards."""

    format_version: Literal[1] = Field(description="grows when a reader of the format has to change")
    broker: BrokerDocument
    vhost: str
    orgs: list[str] = Field(description="the orgs that were asked for; empty for the whole vhost")
    summary: ReportSummary
    outcome: str = Field(description="what happened and what to do next, for people")
    stopped: str | None = Field(description="the error that ended the apply before its end; else null")
    unread: str | None = Field(description="why the broker could not be read afterwards; else null")
    unexplained: list[ChangeDocument] = Field(
        description="what the broker still lacks though nothing failed: something else changes it"
    )
    changes: list[ResultDocument]
