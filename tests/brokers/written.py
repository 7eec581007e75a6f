"""What a node has on its disk before it is killed."""

from typing import Final

from proca_topo.sandbox.node import Node

# RabbitMQ 3.10 and 4.0 write declarations, and where the log of a quorum queue is, some time after they have
# acknowledged them. 4.3 keeps the former another way, and at once.
_WRITE: Final = "mnesia:sync_log(), [ok = dets:sync(Table) || Table <- dets:all()]."


def write_down(node: Node) -> None:
    """Have RabbitMQ write what was declared, so that it knows it after a SIGKILL."""
    node.control("eval", _WRITE)
