"""Exchanges, queues, bindings and policies as people read them."""

import json
from collections.abc import Iterator
from typing import Any, assert_never

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import (
    CLASSIC,
    Binding,
    DestinationType,
    Exchange,
    Kind,
    Noun,
    Policy,
    Queue,
    kind_of,
)

_KIND_WIDTH = max(len(kind) for kind in Kind)


def name_of(noun: Noun) -> str:
    """The name, safe to print; a binding's reads `source -[routing key]-> destination`."""
    if isinstance(noun, Binding):
        return f"{shown(noun.source)} -[{shown(noun.routing_key)}]-> {shown(noun.destination)}"
    return shown(noun.name)


def title(noun: Noun) -> str:
    """Kind and name in columns: `queue    acme.crm`, and what is not usual about it."""
    traits = ", ".join(_traits(noun))
    return f"{kind_of(noun):<{_KIND_WIDTH}} {name_of(noun)}{f' ({traits})' if traits else ''}"


def settings(noun: Noun) -> Iterator[str]:
    """Everything about an object that its title does not say, `name: value` each."""
    match noun:
        case Exchange() | Queue() | Binding():
            yield from _table(noun.arguments)
        case Policy():
            yield f"pattern: {shown(noun.pattern)}"
            yield f"apply-to: {shown(noun.apply_to)}"
            if noun.priority:
                yield f"priority: {noun.priority}"
            yield from _table(noun.definition)
        case _:
            assert_never(noun)


def value(anything: Any) -> str:  # noqa: ANN401 - any JSON value
    """A JSON value; `(none)` where it is absent. Text stands without quotes if it cannot be taken for another."""
    if anything is None:
        return "(none)"
    if isinstance(anything, str) and not _is_json(anything) and not anything.startswith("(") and anything.strip():
        return shown(anything)
    return json.dumps(anything)


def duration(milliseconds: int) -> str:
    """As a spec writes it: `30s`, `5m`, `1500ms`."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if milliseconds >= size and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _traits(noun: Noun) -> Iterator[str]:
    match noun:
        case Exchange():
            yield shown(noun.type)
            yield from _lifetime(noun)
            if noun.internal:
                yield "internal"
        case Queue():
            if noun.type not in (None, CLASSIC):
                yield shown(str(noun.type))
            yield from _lifetime(noun)
        case Binding():
            if noun.destination_type is DestinationType.EXCHANGE:
                yield "to an exchange"
        case Policy():
            pass
        case _:
            assert_never(noun)


def _lifetime(noun: Exchange | Queue) -> Iterator[str]:
    if not noun.durable:
        yield "transient"
    if noun.auto_delete:
        yield "auto-delete"


def _table(arguments: Arguments) -> Iterator[str]:
    if arguments:
        yield from (f"{shown(key)}: {value(item)}" for key, item in arguments.to_dict().items())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
