"""Bindings: read, and checked against what they lead from and to."""

import re
from typing import Final

from proca_topo.spec.context import Context
from proca_topo.spec.parts import BindingDoc, FreeBindingDoc
from proca_topo.spec.problems import Where, nearest
from proca_topo.spec.sections import Declared, Needs
from proca_topo.spec.values import check_values
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding, DestinationType, Kind, is_reserved
from proca_topo.topology.ownership import IgnoredBinding
from proca_topo.topology.taken_values import HEADERS_BINDING_ARGUMENTS

_OF_HEADERS: Final = frozenset({"amq.headers", "amq.match"})
_PLACEHOLDER: Final = re.compile(r"\{\w+\}")


def add_free_binding(context: Context, doc: FreeBindingDoc, where: Where) -> None:
    """Add a binding that names its destination."""
    if doc.queue is not None:
        kind, to, raw, at = Kind.QUEUE, DestinationType.QUEUE, doc.queue, where.at("queue")
    else:
        kind, to, raw, at = Kind.EXCHANGE, DestinationType.EXCHANGE, doc.to_exchange or "", where.at("to-exchange")
    name = context.text(raw, at)
    target = context.queue_named(name) if kind is Kind.QUEUE else context.exchange_named(name)
    if target is None:
        context.problem(at, _no_destination(context, kind, name), depends=True)
    add_binding_to(context, doc, where, destination=name, to=to, needs=target.needs if target is not None else ())


def add_binding_to(
    context: Context, doc: BindingDoc, where: Where, *, destination: str, to: DestinationType, needs: Needs
) -> None:
    """Add a binding to a destination that is there when `needs` are met."""
    source = context.short_text(doc.exchange, where.at("exchange"), "this name")
    if source == "":
        context.problem(where.at("exchange"), "nothing can be bound to the default exchange; name another one")
    origin = context.referred_exchange(source, where.at("exchange"))
    own = context.needs(doc.when, where.at("when"))
    arguments = context.arguments(doc.arguments, where.at("arguments"))
    if source in _OF_HEADERS or (origin is not None and origin.noun.type == "headers"):
        check_values(context, HEADERS_BINDING_ARGUMENTS, arguments, where.at("arguments"))
    binding = Binding(
        source=source,
        destination=destination,
        destination_type=to,
        routing_key=context.short_text(doc.key, where.at("key"), "this routing key"),
        arguments=Arguments.of(arguments),
    )
    from_origin = origin.needs if origin is not None else ()
    add_binding(context, binding, where, tuple(dict.fromkeys((*own, *needs, *from_origin))))


def _no_destination(context: Context, kind: Kind, name: str) -> str:
    whose = "a binding belongs to whoever owns its destination"
    if is_reserved(name):
        return f"{kind} {shown(name)} is RabbitMQ's own, and {whose}; bind to one of your own"
    if not context.owned.covers(name) or context.owned.ignored(name) is not None:
        return (
            f"{kind} {shown(name)} is not ours, and {whose}; declare the {kind}, or leave the binding to its owner"
        )
    text = f"no {kind} {shown(name)} is declared here"
    if any(values for values in context.owned.names.values_in(name)):
        text += "; what is an org's is bound in the org template, or in that org's own file"
    return text + nearest(name, context.known_names(kind))


def add_binding(context: Context, binding: Binding, where: Where, needs: Needs) -> None:
    """Put a binding into the section; note it if it is there already, ignored, or the same for every org."""
    taken = next((s.bindings[binding] for s in (context.section, *context.outer) if binding in s.bindings), None)
    if taken is not None:
        text = f"the binding {shown(binding.name)} is here twice; keep one"
        if needs != taken.needs:
            text += ", and let `when` list the options any of which switches it on"
        context.problem(where, text, taken.where)
        return
    ignored = IgnoredBinding(source=binding.source, routing_key=binding.routing_key)
    if ignored in context.owned.ignored_bindings:
        context.problem(
            where,
            f"the binding {shown(binding.name)} is ignored; declare it or ignore it, not both",
            context.owned.ignored_bindings[ignored],
            "ignored at",
        )
    texts = (binding.source, binding.destination, binding.routing_key, binding.arguments.canonical)
    if context.in_template and not any(_PLACEHOLDER.search(text) for text in texts):
        context.problem(
            where,
            f"the binding {shown(binding.name)} would be the same for every org; put {{org}} into its key, "
            "or declare it outside the org template",
            depends=True,
        )
    context.section.bindings[binding] = Declared(noun=binding, where=where, needs=needs)
