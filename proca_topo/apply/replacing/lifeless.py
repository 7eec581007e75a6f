"""A quorum queue that RabbitMQ was killed at declaring, and has without a leader ever since.

It confirms nothing and gives nothing, and no restart changes that: seen on 3.10.8 and 4.0.5, where the node was
killed within 0.2 s of the declaration. 4.3.6 elects a leader.
"""

from collections.abc import Collection

from proca_topo.apply.replacing.changing import declare, delete
from proca_topo.broker.protocol import Broker
from proca_topo.errors import BrokerError
from proca_topo.topology.existing import Existing
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Queue


def declare_again(queue: Queue, there: Existing, broker: Broker, *, private: Collection[str]) -> None:
    """Put the same queue in its place, with its bindings, which are from these `private` exchanges.

    Raises BrokerError if it has others: what came by them meanwhile would be dropped.
    """
    bindings = [binding for binding in there.bindings if binding.destination == queue.name]
    if {binding.source for binding in bindings} - set(private):
        raise BrokerError(
            f"{shown(queue.name)} has no leader, since RabbitMQ was killed just after it had been declared, and"
            " somebody has bound it: see to it that nothing comes by that binding, delete it, and apply again"
        )
    delete(broker, there, [queue])
    declare(broker, there.vhost, [queue])
    declare(broker, there.vhost, bindings)
