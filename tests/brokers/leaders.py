"""Quorum queues whose leader does not answer for a while, as on a machine with too much to do, or never."""

from urllib.parse import quote

from proca_topo.sandbox.node import Node


def suspend(node: Node, vhost: str, queue: str) -> None:
    """Have the leader do nothing more."""
    node.control("eval", f"sys:suspend({_leader(vhost, queue)}, infinity).")


def resume(node: Node, vhost: str, queue: str) -> None:
    """Have it go on."""
    node.control("eval", f"sys:resume({_leader(vhost, queue)}, infinity).")


def forget(node: Node, vhost: str, queue: str) -> None:
    """Have the node lose the queue's log, as it does when it is killed while it deletes the queue."""
    node.control("eval", f"ra:force_delete_server(quorum_queues, {{{_name(vhost, queue)}, node()}}).")
    node.kill()
    node.restart()


def _leader(vhost: str, queue: str) -> str:
    """Its process."""
    return f"whereis({_name(vhost, queue)})"


def _name(vhost: str, queue: str) -> str:
    """RabbitMQ calls its process by the names of the vhost and the queue, where `/` is `%2F`."""
    return f'list_to_atom("{quote(vhost, safe="")}_{queue}")'
