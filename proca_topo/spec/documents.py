"""The shape of topology.yaml and of an org's file."""

from typing import Annotated, Final

from pydantic import Field, PlainValidator, StrictBool, StrictStr

from proca_topo.spec.fields import Body, Listing, Maybe, Table, Variable, Version, wrong
from proca_topo.spec.parts import (
    CircuitDoc,
    Document,
    ExchangeDoc,
    FreeBindingDoc,
    IgnoredBindingDoc,
    OptionDoc,
    PolicyDoc,
    QueueDoc,
    Reason,
    RouteDoc,
)

SPEC_VERSION: Final = 1
DEFAULT_ORG_NAME: Final = "[A-Za-z0-9_-]{2,32}"


def _ignored(value: object) -> str | IgnoredBindingDoc:
    match value:
        case str():
            return value
        case dict():
            return IgnoredBindingDoc.model_validate(value)
        case _:
            raise wrong("must be a name, or {exchange: NAME, key: KEY} for bindings", quote=True)


class OrgTemplateDoc(Document):
    """What every org is made from."""

    name: Annotated[StrictStr, Field(description="a regular expression for the names of orgs")] = DEFAULT_ORG_NAME
    allow: Annotated[
        Table[Reason], Field(description="rules that may be broken in the template, each with the reason")
    ]
    vars: Table[StrictStr]
    options: Table[Body[OptionDoc]]
    exchanges: Table[Body[ExchangeDoc]]
    retry: Table[Body[CircuitDoc]]
    queues: Table[Body[QueueDoc]]
    bindings: Listing[FreeBindingDoc]
    policies: Table[Body[PolicyDoc]]
    routes: Listing[Body[RouteDoc]]


class TopologyDoc(Document):
    """topology.yaml."""

    topology: Annotated[
        Version, Field(description=f"the version of the language; write `topology: {SPEC_VERSION}`")
    ]
    vhost: Annotated[Maybe[StrictStr], Field(description="the name of the vhost", min_length=1)] = None
    cluster: Annotated[
        Maybe[StrictStr], Field(description="the name of the RabbitMQ cluster that this is for", min_length=1)
    ] = None
    owns: Annotated[list[StrictStr], Field(description='the names that are ours, such as "system.*"')]
    ignore: Listing[Annotated[str | IgnoredBindingDoc, PlainValidator(_ignored)]]
    protect: Listing[StrictStr]
    exchanges: Table[Body[ExchangeDoc]]
    retry: Table[Body[CircuitDoc]]
    queues: Table[Body[QueueDoc]]
    bindings: Listing[FreeBindingDoc]
    policies: Table[Body[PolicyDoc]]
    routes: Listing[Body[RouteDoc]]
    org: Annotated[Body[OrgTemplateDoc], Field(default_factory=lambda: OrgTemplateDoc.model_validate({}))]


class OrgDoc(Document):
    """orgs/ORG.yaml."""

    options: Table[StrictBool]
    vars: Table[Variable]
    queues: Table[Body[QueueDoc]]
    bindings: Listing[FreeBindingDoc]
    routes: Listing[Body[RouteDoc]]
