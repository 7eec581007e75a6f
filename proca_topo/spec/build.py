"""A part of a document (shared, template, an org's extras) as a section of nouns."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from proca_topo.spec.bindings import add_binding, add_binding_to, add_free_binding
from proca_topo.spec.circuits import add_circuit, circuit_named
from proca_topo.spec.context import Context
from proca_topo.spec.documents import OrgDoc, OrgTemplateDoc, TopologyDoc
from proca_topo.spec.parts import ExchangeDoc, QueueDoc
from proca_topo.spec.policies import policy
from proca_topo.spec.problems import Where
from proca_topo.spec.queue_arguments import queue
from proca_topo.spec.renames import add_rename
from proca_topo.spec.routes import add_route
from proca_topo.spec.sections import Declared
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Kind, Queue

_ALTERNATE: Final = "alternate-exchange"


def build(context: Context, doc: TopologyDoc | OrgTemplateDoc | OrgDoc) -> None:
    """Read everything in `doc` into the context's section, and note what is wrong.

    Names come first, then what leans on them.
    """
    root = context.root
    exchanges: Mapping[str, ExchangeDoc] = {} if isinstance(doc, OrgDoc) else doc.exchanges
    declared = {raw: _declare_exchange(context, raw, one) for raw, one in exchanges.items()}
    if not isinstance(doc, OrgDoc):
        for name, circuit in doc.retry.items():
            add_circuit(context, name, circuit)
    queues = {raw: _declare_queue(context, raw, one) for raw, one in doc.queues.items()}
    for raw, exchange in exchanges.items():
        _complete_exchange(context, declared[raw], exchange, root.at("exchanges", raw))
    for raw, one in doc.queues.items():
        _complete_queue(context, queues[raw], one, root.at("queues", raw))
    for index, free in enumerate(doc.bindings):
        add_free_binding(context, free, root.at("bindings", index))
    if not isinstance(doc, OrgDoc):
        for raw, described in doc.policies.items():
            policy(context, raw, described)
    for index, route in enumerate(doc.routes):
        add_route(context, route, root.at("routes", index))


def _declare_exchange(context: Context, raw: str, doc: ExchangeDoc) -> Declared[Exchange]:
    where = context.root.key("exchanges", raw)
    name = context.name(raw, where, Kind.EXCHANGE)
    declared = Declared(
        noun=Exchange(
            name=name, type=doc.type, durable=doc.durable, auto_delete=doc.auto_delete, internal=doc.internal
        ),
        where=where,
        needs=context.needs(doc.when, context.root.at("exchanges", raw, "when")),
    )
    context.add(context.section.exchanges, name, declared)
    return declared


def _complete_exchange(context: Context, declared: Declared[Exchange], doc: ExchangeDoc, where: Where) -> None:
    name = declared.noun.name
    if context.section.exchanges.get(name) is not declared:
        return  # its name is taken, and that has been said
    arguments = context.arguments(doc.arguments, where.at("arguments"))
    alternate, at = arguments.get(_ALTERNATE), where.at("arguments", _ALTERNATE)
    if doc.alternate is not None:
        if _ALTERNATE in arguments:
            context.problem(at, f"{_ALTERNATE} is set by `alternate` too; keep one", where.key("alternate"))
        at = where.at("alternate")
        alternate = arguments[_ALTERNATE] = context.short_text(doc.alternate, at, "this name")
    if isinstance(alternate, str):
        context.used_exchange(alternate, at, declared.needs, user=f"exchange {shown(name)}")
    noun = replace(declared.noun, arguments=Arguments.of(arguments))
    context.section.exchanges[name] = replace(declared, noun=noun)
    for index, one in enumerate(doc.bindings):
        add_binding_to(
            context,
            one,
            where.at("bindings", index),
            destination=name,
            to=DestinationType.EXCHANGE,
            needs=declared.needs,
        )


def _declare_queue(context: Context, raw: str, doc: QueueDoc) -> Declared[Queue]:
    where = context.root.key("queues", raw)
    name = context.name(raw, where, Kind.QUEUE)
    needs = context.needs(doc.when, context.root.at("queues", raw, "when"))
    declared = Declared(noun=Queue(name=name), where=where, needs=needs)
    context.add(context.section.queues, name, declared)
    return declared


def _complete_queue(context: Context, declared: Declared[Queue], doc: QueueDoc, where: Where) -> None:
    name, needs = declared.noun.name, declared.needs
    if context.section.queues.get(name) is not declared:
        return  # its name is taken, and that has been said
    context.section.queues[name] = replace(declared, noun=queue(context, name, doc, where, needs))
    if doc.retry is not None and (circuit := circuit_named(context, doc.retry)) is not None:
        back = Binding(source=circuit.return_, destination=name, routing_key=name)
        add_binding(context, back, where.key("retry"), needs)
    if doc.renamed_from is not None:
        add_rename(context, name, doc.renamed_from, where.at("renamed_from"), needs)
    for index, one in enumerate(doc.bindings):
        add_binding_to(
            context, one, where.at("bindings", index), destination=name, to=DestinationType.QUEUE, needs=needs
        )
