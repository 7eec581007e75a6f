"""How RabbitMQ's HTTP API spells one binding between two ends."""

import re
from typing import Final

from proca_topo.broker.http.client import is_addressable, path_of
from proca_topo.topology.nouns import Binding, DestinationType

# Measured on 3.10, 4.0 and 4.3. Every other character is left to RabbitMQ: a key may have any bytes.
_PREDICTABLE: Final = re.compile(r"[A-Za-z0-9._*#-]*")
_LETTERS: Final = {DestinationType.QUEUE: "q", DestinationType.EXCHANGE: "e"}


def properties_key(binding: Binding) -> str | None:
    """RabbitMQ's own name for a binding without arguments and with a simple key, None for any other.

    An empty key is `~`; letters, digits, `.`, `_` and `-` stay, `*` is `%2A`, `#` is `%23`. What has arguments
    ends in a hash that depends on how wide their integers are, which JSON cannot tell.
    """
    if binding.arguments or not _PREDICTABLE.fullmatch(binding.routing_key):
        return None
    return binding.routing_key.replace("*", "%2A").replace("#", "%23") or "~"


def ends_path(vhost: str, binding: Binding) -> str:
    """The path of all bindings between the ends of this one."""
    return path_of("bindings", vhost, "e", binding.source, _LETTERS[binding.destination_type], binding.destination)


def has_path(binding: Binding, key: str) -> bool:
    """Whether the HTTP API can be asked for this binding by its properties key."""
    return is_addressable(binding.source, binding.destination, key)
