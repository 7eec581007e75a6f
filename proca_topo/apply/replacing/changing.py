"""Changes each of which has to succeed."""

from collections.abc import Sequence

from proca_topo.broker.protocol import Broker
from proca_topo.errors import BrokerError
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Noun


def declare(broker: Broker, vhost: str, nouns: Sequence[Noun]) -> None:
    """Declare all of them, in any order. Raises BrokerError if RabbitMQ refuses one."""
    for failure in broker.declare(vhost, nouns, lambda _: None):
        raise BrokerError(f"{shown(failure.noun.name)}: {failure.reason}")


def delete(broker: Broker, there: Existing, nouns: Sequence[Noun]) -> None:
    """Delete all of them, in any order. Raises BrokerError if RabbitMQ refuses that of one."""
    for failure in broker.delete(there, nouns, lambda _: None):
        raise BrokerError(f"{shown(failure.noun.name)}: {failure.reason}")
