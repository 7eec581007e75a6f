"""The public formats of `plan`, `apply` and `status --format json`, as models that give their JSON Schema."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from proca_topo.apply.report import Status
from proca_topo.plan.changes import Action, HazardCode, Replacing
from proca_topo.plan.impact.facts import Leaving
from proca_topo.plan.status import State
from proca_topo.topology.nouns import Kind


class Document(BaseModel):
    """What all of them have in common."""

    # The schema does not forbid what a later version adds.
    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra=lambda schema: schema.pop("additionalProperties", None)
    )


class BrokerDocument(Document):
    """Which broker this is."""

    location: str = Field(description="its management URL without credentials, or the path of a definitions file")
    version: str | None = Field(description="RabbitMQ's version; null where it is not known")
    cluster_name: str | None = Field(description="null where it is not known")


class HazardDocument(Document):
    """One thing that a change can cost."""

    code: HazardCode
    message: str


class DifferenceDocument(Document):
    """One field that differs."""

    path: str = Field(description="such as `arguments.x-message-ttl`")
    before: Any = Field(description="null where it is absent")
    after: Any = Field(description="null where it is absent")


class RouteDocument(Document):
    """A message whose way changes."""

    exchange: str = Field(description="where it is published")
    key: str | None = Field(
        description="its routing key; `*` and `#` in it stand for words that no binding names; null where the"
        " exchange does not look at keys"
    )
    headers: dict[str, Any] = Field(description="what a headers exchange looks at; else empty")
    before: list[str] = Field(description="the queues that it reaches now")
    after: list[str] = Field(description="the queues that it reaches afterwards")


class LeavingDocument(Document):
    """A queue whose dead letters go elsewhere, or an exchange whose unrouted messages do."""

    leaving: Leaving
    name: str
    before: list[str] = Field(
        description="the queues that they reach, or `exchange NAME`; empty: they are dropped"
    )
    after: list[str]


class ImpactDocument(Document):
    """What a change does to messages; held back, what it would do."""

    routes: list[RouteDocument] = Field(description="the first 20")
    route_count: int
    leaving: list[LeavingDocument] = Field(description="the first 20")
    leaving_count: int
    unknown_type: str | None = Field(description="of an exchange whose type decides by itself; else null")
    is_partial: bool = Field(description="the plan is for single orgs, and messages may reach more than it read")


class ChangeDocument(Document):
    """One change."""

    action: Action
    kind: Kind
    name: str = Field(description="a binding's reads `source -[routing key]-> destination`")
    org: str | None = Field(description="the org it is for; null for what all orgs share")
    hazards: list[HazardDocument]
    held_back: str | None = Field(description="why apply leaves it, and what would let it through; else null")
    reason: str | None = Field(description="of a retirement: what keeps the object for now; else null")
    along_with: str | None = Field(description="of a binding: the queue whose deletion takes it along; else null")
    impact: ImpactDocument | None = Field(default=None, description="null where it does nothing to messages")
    diff: list[DifferenceDocument] = Field(description="of an update and a replacement; else empty")
    object: dict[str, Any] = Field(
        description="in the words of RabbitMQ's definitions: as it will be, or for retire and delete as it is"
    )


class AdviceDocument(Document):
    """Queues that would change in place if these settings were a policy's, and the lines for the first of them."""

    settings: list[str] = Field(description="such as `message-ttl`")
    queues: list[str]
    text: str = Field(description="for people")
    yaml: str = Field(description="for topology.yaml")


class PlanSummary(Document):
    """How many changes of each action there are, the held back ones included, and how many are held back."""

    declare: int
    update: int
    replace: int
    retire: int
    delete: int
    held_back: int
    unchanged: int = Field(description="objects that are as desired")


class PlanDocument(Document):
    """Everything that apply would do, in the order in which it would do it."""

    format_version: Literal[1] = Field(description="grows when a reader of the format has to change")
    broker: BrokerDocument
    vhost: str
    new_vhost: bool = Field(
        default=False, description="whether the vhost is not there yet; apply --create-vhost makes it"
    )
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


class ReportSummary(Document):
    """How many changes came to each end."""

    applied: int
    failed: int
    not_tried: int
    held_back: int
    draining: int
    unchanged: int = Field(description="objects that were as desired before")


class ReportDocument(Document):
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


class CountsDocument(Document):
    """Sums over queues."""

    queues: int
    ready: int = Field(description="messages that wait for a consumer; without those in retry circuits")
    unacknowledged: int = Field(description="messages that a consumer has; without those in retry circuits")
    consumers: int | None = Field(description="null where the broker does not tell")
    waiting: int = Field(description="messages in retry circuits")


class StatusSummary(CountsDocument):
    """The sums over all queues, and what is in none of them."""

    held: int = Field(description="messages that unfinished replacements hold")
    absent: int = Field(description="queues of the spec that are not there")


class OrgCountsDocument(CountsDocument):
    """The sums over the queues of one org."""

    org: str | None = Field(description="null for what all orgs share")


class ReplacementDocument(Document):
    """A replacement that something interrupted; `apply` finishes it, unless it is held back."""

    queue: str = Field(description="the queue that is replaced")
    becomes: str = Field(description="its new name; the same where it keeps it")
    org: str | None = Field(description="null for what all orgs share")
    parked: int | None = Field(description="messages held that were in it; null where none can be (any more)")
    arriving: int | None = Field(description="messages held that came meanwhile; null where none can be")
    old_is_gone: bool = Field(description="whether the old queue was deleted already")
    held_back: str | None = Field(description="why apply would not finish it; null if it would")


class ExchangeReplacementDocument(Document):
    """A replacement of an exchange that something interrupted; `apply` finishes it."""

    exchange: str
    org: str | None = Field(description="null for what all orgs share")
    was: dict[str, Any] = Field(description="in the words of RabbitMQ's definitions: as it was")
    becomes: dict[str, Any] = Field(description="as it was to become")
    is_gone: bool = Field(description="whether it does not exist at the moment")


class CircuitDocument(Document):
    """A queue in which messages wait to come back to others."""

    queue: str
    org: str | None = Field(description="null for what all orgs share")
    messages: int
    delay_ms: int | None = Field(description="how long one waits at most; null where that is not known")
    returns_to: list[str] = Field(description="the queues that they may come back to")


class QueueStatusDocument(Document):
    """One queue."""

    name: str
    org: str | None = Field(description="null for what all orgs share")
    state: State
    ready: int
    unacknowledged: int
    counted: bool = Field(description="false where the broker has not counted its messages: they are not 0 then")
    consumers: int | None = Field(description="null where the broker does not tell")
    circuits: list[str] = Field(description="the queues in which messages may wait that come back to it")
    waits_for: str | None = Field(description="of a leaving queue: what keeps it; null if nothing does")
    routes: int = Field(description="of a leaving queue: its bindings that apply --prune takes away")


class StatusDocument(Document):
    """What goes on in the queues that are ours. Lists begin with what needs attention most."""

    format_version: Literal[1] = Field(description="grows when a reader of the format has to change")
    broker: BrokerDocument
    vhost: str
    orgs: list[str] = Field(description="the orgs that were asked for; empty for the whole vhost")
    summary: StatusSummary
    by_org: list[OrgCountsDocument]
    replacements: list[ReplacementDocument] = Field(description="of queues")
    exchange_replacements: list[ExchangeReplacementDocument]
    circuits: list[CircuitDocument]
    absent: list[str] = Field(description="queues of the spec that are not there")
    queues: list[QueueStatusDocument]
