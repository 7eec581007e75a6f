"""Quorum queues that can give nothing, and of which that is certain.

RabbitMQ that is killed while it deletes a quorum queue may have deleted its log and not yet the queue; one that is
killed within 0.2 s of declaring it may not have written the log yet. It then makes the queue anew when it starts,
without an election: nobody leads it, so it takes nothing and gives nothing, and no restart changes that (seen on
3.10.8 and 4.0.5; 4.3.6 elects a leader). It can be deleted.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.http.errors import ServerError
from proca_topo.errors import NotRabbitMQError

# What every member says of a log that nothing was ever written to.
_EMPTY: Final = {"Raft State": "follower", "Term": 0, "Last Log Index": 0, "Snapshot Index": -1}


def has_empty_log(api: ManagementApi, vhost: str, queue: str) -> bool:
    """Whether no member of a quorum queue has ever had anything. False where RabbitMQ does not say: on 3.10."""
    if not is_addressable(vhost, queue):
        return False
    try:
        response = api.request("GET", f"{path_of('queues', 'quorum', vhost, queue)}/status")
    except (ServerError, NotRabbitMQError):
        return False  # it cannot ask all of them; or it has no such page, and answers as any web server
    if response.status_code != HTTPStatus.OK:
        return False
    members = response.json()
    return isinstance(members, list) and bool(members) and all(map(_is_empty, members))


def _is_empty(member: Mapping[str, Any]) -> bool:
    return all(member.get(key) == value for key, value in _EMPTY.items())
