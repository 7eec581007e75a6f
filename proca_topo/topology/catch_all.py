"""Bindings by which one exchange passes on to another everything that matters."""

from collections.abc import Collection
from typing import Final

from proca_topo.topology.nouns import Binding, DestinationType, Exchange

_TOPIC: Final = "topic"
_DIRECT: Final = "direct"
# All words; a fanout asks for no key; a headers exchange matches everything without arguments (measured on 3.10,
# 4.0 and 4.3).
_EVERYTHING: Final = {_TOPIC: "#", "fanout": "", "headers": ""}
_WILDCARDS: Final = frozenset("*#")


def can_catch(source: Exchange) -> bool:
    """Whether bindings can make this exchange pass on all that it gets: for a plugin's type that is not known."""
    return source.type in _EVERYTHING or source.type == _DIRECT


def catch_all(source: Exchange, destination: str, bindings: Collection[Binding]) -> frozenset[Binding]:
    """The bindings by which all that these `bindings` may match goes from one exchange to another as well.

    A direct exchange needs one for each of their keys; what has another key matches none of them.
    """
    by_key = source.type == _DIRECT
    keys = {binding.routing_key for binding in bindings} if by_key else {_EVERYTHING[source.type]}
    return frozenset(
        Binding(
            source=source.name,
            destination=destination,
            destination_type=DestinationType.EXCHANGE,
            routing_key=key,
        )
        for key in keys
    )


def takes_any_key(exchange: Exchange, bindings: Collection[Binding]) -> bool:
    """Whether one of these bindings of an exchange lets everything through; one of a plugin's type may."""
    match exchange.type:
        case "topic":
            return any(binding.routing_key == _EVERYTHING[_TOPIC] for binding in bindings)
        case "headers":
            return any(not binding.arguments for binding in bindings)
        case "direct":
            return False
        case _:  # a fanout, or one of a plugin's type
            return bool(bindings)


def matches_by_key_alone(exchange: Exchange, bindings: Collection[Binding]) -> bool:
    """Whether what this exchange routes by these bindings has one of their keys, as they stand."""
    if exchange.type == _DIRECT:
        return True
    return exchange.type == _TOPIC and not any(
        _WILDCARDS.intersection(binding.routing_key) for binding in bindings
    )
