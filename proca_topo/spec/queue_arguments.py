"""A queue's friendly settings as RabbitMQ's arguments."""

from collections.abc import Iterator
from typing import Any, Final

from proca_topo.spec.circuits import circuit_of
from proca_topo.spec.context import Context
from proca_topo.spec.parts import QueueDoc
from proca_topo.spec.problems import Where
from proca_topo.spec.sections import Needs
from proca_topo.spec.values import check_values
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import CLASSIC, QUORUM, STREAM, Queue
from proca_topo.topology.taken_values import QUEUE_ARGUMENTS

TTL: Final = "x-message-ttl"
DLX: Final = "x-dead-letter-exchange"
DLK: Final = "x-dead-letter-routing-key"
TYPE: Final = "x-queue-type"

_DURABLE_ONLY: Final = frozenset({QUORUM, STREAM})
_KNOWN_TYPES: Final = _DURABLE_ONLY | {CLASSIC}


def queue(context: Context, name: str, doc: QueueDoc, where: Where, needs: Needs) -> Queue:
    """The queue that `doc` describes; whatever does not fit together is noted in the context."""
    arguments = context.arguments(doc.arguments, where.at("arguments"))
    if doc.type is None or doc.type in _KNOWN_TYPES:  # a plugin's type may take anything
        check_values(context, QUEUE_ARGUMENTS, arguments, where.at("arguments"))
    for setting, key, value in _settings(context, name, doc, where, needs):
        if key in arguments:
            context.problem(
                where.key("arguments", key), f"{key} is set by `{setting}` too; keep one", where.key(setting)
            )
        arguments[key] = value
    if DLK in arguments and DLX not in arguments:
        context.problem(
            where.key("arguments", DLK),
            f"{DLK} works only with {DLX}; or write `dead-letter: {{exchange: …, key: …}}`",
            depends=True,
        )
    if isinstance(dlx := arguments.get(DLX), str) and doc.retry is None:
        at = where.at("arguments", DLX) if doc.dead_letter is None else where.at("dead-letter", "exchange")
        context.takes_dead_letters(dlx, at, needs, user=f"queue {shown(name)}", allow=doc.allow)
    type_ = arguments.pop(TYPE, None)
    type_ = type_ if isinstance(type_, str) else None
    if type_ in _DURABLE_ONLY and not doc.durable:
        context.problem(where.key("durable"), f"a {type_} queue is always durable; remove `durable: false`")
    return Queue(
        name=name,
        durable=doc.durable,
        auto_delete=doc.auto_delete,
        type=type_,
        arguments=Arguments.of(arguments),
    )


def _settings(
    context: Context, name: str, doc: QueueDoc, where: Where, needs: Needs
) -> Iterator[tuple[str, str, Any]]:
    """Each friendly setting that is there: its name, its argument, its value."""
    simple: tuple[tuple[str, str, Any], ...] = (
        ("type", TYPE, doc.type),
        ("ttl", TTL, doc.ttl),
        ("expires", "x-expires", doc.expires),
        ("max-length", "x-max-length", doc.max_length),
        ("max-length-bytes", "x-max-length-bytes", doc.max_length_bytes),
        ("overflow", "x-overflow", doc.overflow),
        ("priorities", "x-max-priority", doc.priorities),
        ("lazy", "x-queue-mode", "lazy" if doc.lazy else None),
        ("single-active-consumer", "x-single-active-consumer", doc.single_active_consumer or None),
        ("delivery-limit", "x-delivery-limit", doc.delivery_limit),
    )
    yield from (setting for setting in simple if setting[2] is not None)
    if doc.retry is not None:
        if doc.dead_letter is not None:
            context.problem(
                where.key("dead-letter"),
                "`retry` sets where dead letters go; keep either `retry` or `dead-letter`",
                where.key("retry"),
            )
        elif (circuit := circuit_of(context, name, doc.retry, where.at("retry"), needs)) is not None:
            yield "retry", DLX, circuit.fail
            yield "retry", DLK, name
    elif doc.dead_letter is not None:
        inside = where.at("dead-letter")
        yield "dead-letter", DLX, context.short_text(doc.dead_letter.exchange, inside.at("exchange"), "this name")
        if doc.dead_letter.key is not None:
            yield "dead-letter", DLK, context.short_text(doc.dead_letter.key, inside.at("key"), "this routing key")
