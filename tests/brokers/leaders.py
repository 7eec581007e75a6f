"""A quorum queue's leader that does not answer for a while, as on a machine with too much to do."""

from urllib.parse import quote

from proca_topo.sandbox.node import Node


def suspend(node: Node, vhost: str, queue: str) -> None:
    """Have the leader do nothing more."""
    node.control("eval", f"sys:suspend({_leader(vhost, queue)}).")


def resume(node: Node, vhost: str, queue: str) -> None:
    """Have it go on."""
    node.control("eval", f"sys:resume({_leader(vhost, queue)}).")


def _leader(vhost: str, queue: str) -> str:
    """Its process: RabbitMQ calls it by the names of the vhost and the queue, where `/` is `%2F`."""
    return f'whereis(list_to_atom("{quote(vhost, safe="")}_{queue}"))'
