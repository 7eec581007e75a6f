"""The shape of the parts of a document: exchanges, circuits, queues, bindings, policies.

A field's description completes "X must be …" and "X is missing: …" in messages, and documents the JSON Schema.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)

from proca_topo.spec.fields import (
    Body,
    Listing,
    Maybe,
    Milliseconds,
    PositiveMilliseconds,
    Table,
    When,
    Words,
    wrong,
)

_KEY: Final = "the routing key of the binding; the empty text if absent"
_EXCHANGE: Final = "the name of the exchange the messages come from"
_ALLOW: Final = "rules that may be broken here, each with the reason"
_WHEN: Final = "an option, or a list of options any of which switches it on"


Reason = Annotated[StrictStr, Field(description="why it is meant so", min_length=1)]


class Document(BaseModel):
    """A mapping in a document. Keys are written with `-` where Python has `_`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=lambda name: name.rstrip("_").replace("_", "-")
    )


class BindingDoc(Document):
    """A binding, written where its destination is."""

    exchange: Annotated[StrictStr, Field(description=_EXCHANGE)]
    key: Annotated[StrictStr, Field(description=_KEY)] = ""
    arguments: Table[Any]
    when: Annotated[Maybe[When], Field(description=_WHEN)] = None
    allow: Annotated[Table[Reason], Field(description=_ALLOW)]


class FreeBindingDoc(BindingDoc):
    """A binding that names its destination."""

    queue: Annotated[Maybe[StrictStr], Field(description="the name of the queue the messages go to")] = None
    to_exchange: Annotated[Maybe[StrictStr], Field(description="the name of the exchange they go to")] = None

    @model_validator(mode="after")
    def _one_destination(self) -> "FreeBindingDoc":
        if (self.queue is None) == (self.to_exchange is None):
            raise wrong("a binding here needs either `queue: NAME` or `to-exchange: NAME`, and not both")
        return self


class ExchangeDoc(Document):
    """An exchange."""

    type: Annotated[
        StrictStr,
        Field(description="topic, direct, fanout, headers, or the name of a plugin's type", min_length=1),
    ]
    durable: StrictBool = True
    auto_delete: StrictBool = False
    internal: StrictBool = False
    alternate: Annotated[Maybe[StrictStr], Field(description="the exchange for what it cannot route")] = None
    arguments: Table[Any]
    keys: Annotated[Listing[Words], Field(description="the words of its routing keys")]
    bindings: Listing[BindingDoc]
    when: Annotated[Maybe[When], Field(description=_WHEN)] = None
    allow: Annotated[Table[Reason], Field(description=_ALLOW)]


class CircuitDoc(Document):
    """A retry circuit."""

    delay: Annotated[PositiveMilliseconds, Field(description="how long a message waits, such as 30s")]
    by: Annotated[Literal["argument", "policy"], Field(description="what sets the delay")] = "argument"
    policy: Annotated[Maybe[StrictStr], Field(description="the name of the policy that sets the delay")] = None
    fail: Annotated[StrictStr, Field(description="the exchange that takes what a queue rejects")]
    wait: Annotated[StrictStr, Field(description="the queue in which it waits")]
    return_: Annotated[StrictStr, Field(description="the exchange that brings it back")]
    key: Annotated[Maybe[StrictStr], Field(description="the binding key between fail exchange and queue")] = None
    type: Annotated[Maybe[StrictStr], Field(description="the waiting queue's type: classic or quorum")] = None
    when: Annotated[Maybe[When], Field(description=_WHEN)] = None
    allow: Annotated[Table[Reason], Field(description=_ALLOW)]

    @model_validator(mode="after")
    def _policy_needs_by(self) -> "CircuitDoc":
        if self.policy is not None and self.by != "policy":
            raise wrong("`policy` names the policy that sets the delay; it needs `by: policy`")
        return self


class DeadLetterDoc(Document):
    """Where a queue's dead letters go."""

    exchange: Annotated[StrictStr, Field(description="the exchange that takes them")]
    key: Annotated[Maybe[StrictStr], Field(description="their routing key; their own if absent")] = None


class QueueDoc(Document):
    """A queue."""

    type: Annotated[
        Maybe[StrictStr],
        Field(description="classic, quorum, stream, or the name of a plugin's type", min_length=1),
    ] = None
    durable: StrictBool = True
    auto_delete: StrictBool = False
    arguments: Table[Any]
    ttl: Maybe[Milliseconds] = None
    expires: Maybe[PositiveMilliseconds] = None
    max_length: Annotated[Maybe[StrictInt], Field(ge=0)] = None
    max_length_bytes: Annotated[Maybe[StrictInt], Field(ge=0)] = None
    overflow: Maybe[Literal["drop-head", "reject-publish", "reject-publish-dlx"]] = None
    priorities: Annotated[Maybe[StrictInt], Field(ge=1, le=255)] = None
    lazy: StrictBool = False
    single_active_consumer: StrictBool = False
    # -1 is how RabbitMQ 4 spells "no limit".
    delivery_limit: Annotated[Maybe[StrictInt], Field(ge=-1)] = None
    dead_letter: Maybe[DeadLetterDoc] = None
    retry: Annotated[Maybe[StrictStr], Field(description="the name of a retry circuit")] = None
    renamed_from: Annotated[
        Maybe[StrictStr], Field(alias="renamed_from", description="the name it has on the broker until now")
    ] = None
    bindings: Listing[BindingDoc]
    when: Annotated[Maybe[When], Field(description=_WHEN)] = None
    allow: Annotated[Table[Reason], Field(description=_ALLOW)]


class PolicyDoc(Document):
    """A policy. Its definition has RabbitMQ's own keys."""

    pattern: Annotated[StrictStr, Field(description="a regular expression over names")]
    apply_to: Literal["all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams"] = "all"
    priority: StrictInt = 0
    definition: Annotated[
        dict[str, Any], Field(description="RabbitMQ's own keys, such as message-ttl", min_length=1)
    ]
    allow: Annotated[Table[Reason], Field(description=_ALLOW)]


class IgnoredBindingDoc(Document):
    """Bindings that are not ours although their destination is."""

    exchange: Annotated[StrictStr, Field(description=_EXCHANGE)]
    key: Annotated[StrictStr, Field(description="the routing key")]


class PublishDoc(Document):
    """The message of a route contract."""

    exchange: Annotated[StrictStr, Field(description="the name of the exchange it is published to")]
    key: Annotated[StrictStr, Field(description="its routing key; the empty text if absent")] = ""
    headers: Table[Any]


class ReachedDoc(Document):
    """A queue that a message reaches where an option is on."""

    queue: Annotated[StrictStr, Field(description="the name of the queue")]
    when: Annotated[Maybe[When], Field(description=_WHEN)] = None


def _reached(value: object) -> ReachedDoc:
    match value:
        case str():
            return ReachedDoc(queue=value)
        case dict():
            return ReachedDoc.model_validate(value)
        case _:
            raise wrong("must be a queue's name, or {queue: NAME, when: OPTION}", quote=True)


class RouteDoc(Document):
    """A route contract."""

    name: Annotated[Maybe[StrictStr], Field(description="what it is called in reports", min_length=1)] = None
    publish: Annotated[Body[PublishDoc], Field(description="the message: {exchange: NAME, key: KEY}")]
    reaches: Annotated[
        list[Annotated[ReachedDoc, PlainValidator(_reached, json_schema_input_type=str | ReachedDoc)]],
        Field(description="all the queues it comes to; [] for none"),
    ]
    after: Annotated[
        Maybe[Literal["rejected", "expired"]], Field(description="what happens before one looks where it is")
    ] = None
    when: Annotated[Maybe[When], Field(description=_WHEN)] = None


class OptionDoc(Document):
    """What an org can switch on."""

    default: StrictBool = False
    help: StrictStr = ""
