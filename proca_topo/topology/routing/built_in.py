"""The exchanges that RabbitMQ makes in every vhost."""

from collections.abc import Mapping
from typing import Final

from proca_topo.topology.nouns import Exchange
from proca_topo.topology.routing.routes import Topology

_TYPES: Final = {
    "amq.direct": "direct",
    "amq.fanout": "fanout",
    "amq.headers": "headers",
    "amq.match": "headers",
    "amq.topic": "topic",
}

BUILT_IN_EXCHANGES: Final[Mapping[str, Exchange]] = {
    name: Exchange(name=name, type=type_) for name, type_ in _TYPES.items()
}
"""By name. The default exchange is none of them; nobody publishes to `amq.rabbitmq.*`."""


class WithBuiltIn:
    """A topology with these exchanges, which no spec declares."""

    def __init__(self, topology: Topology) -> None:
        self.exchanges = {**BUILT_IN_EXCHANGES, **topology.exchanges}
        self.queues = topology.queues
        self.bindings = topology.bindings
        self.policies = topology.policies
