"""What a replacement asks of a live broker, in one vhost: the `Mover` behind RabbitMQ's API and AMQP."""

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Final

from proca_topo.broker.http.client import ManagementApi, path_of
from proca_topo.broker.http.errors import ServerError
from proca_topo.broker.moving.empty_logs import has_empty_log
from proca_topo.broker.protocol import Around, Client, Swap
from proca_topo.broker.reading.consumers import tags_of_user
from proca_topo.broker.reading.listing import find_queue, is_left_out, list_bindings, list_policies
from proca_topo.broker.reading.scoped import find_exchange
from proca_topo.broker.wire import activity_from, exchange_from, policy_from, queue_from
from proca_topo.errors import AccessError, BrokerError
from proca_topo.topology.existing import Activity, BrokerIdentity, Existing
from proca_topo.topology.names import one_line, shown
from proca_topo.topology.nouns import Binding, Exchange, Policy, Queue

if TYPE_CHECKING:
    from proca_topo.broker.moving.inspecting import Inspected
    from proca_topo.broker.moving.move import Move, Moved

_Seen = tuple[Queue, Activity, dict[Binding, tuple[str, ...]]]

_IMPERSONATOR: Final = "impersonator"
_ADMINISTRATOR: Final = "administrator"


class ManagementMover:
    """One vhost of the broker at an address with a management URL. See `proca_topo.broker.protocol.Mover`."""

    def __init__(self, api: ManagementApi, vhost: str, pool: ThreadPoolExecutor) -> None:
        self._api = api
        self._vhost = vhost
        self._pool = pool

    def observe(self, queues: Collection[str], exchanges: Collection[str]) -> Existing:
        """These queues and exchanges with the bindings that lead to the queues, in a few requests.

        Raises BrokerError for a queue whose node is down: it is neither there nor gone.
        """
        asked = {name: self._pool.submit(self._queue, name) for name in queues}
        there = [one for one in self._pool.map(self._exchange, exchanges) if one is not None]
        found: dict[str, Queue] = {}
        activity: dict[str, Activity] = {}
        bindings: dict[Binding, tuple[str, ...]] = {}
        results = {name: one.result() for name, one in asked.items()}
        results |= self._not_gone([name for name, result in results.items() if result is None])
        for result in results.values():
            if result is not None:
                queue, activity[queue.name], to_queue = result
                found[queue.name] = queue
                bindings |= to_queue
        return Existing(
            broker=BrokerIdentity(location=self._api.address.location),
            vhost=self._vhost,
            queues=found,
            exchanges={exchange.name: exchange for exchange in there},
            bindings=bindings,
            activity=activity,
        )

    def around(self, exchanges: Collection[str], policy: str) -> Around:
        """These exchanges with all their bindings, and this policy, in a few requests."""
        asked = self._pool.submit(self._api.find, path_of("policies", self._vhost, policy))
        paths = [
            f"{path_of('exchanges', self._vhost, name)}/bindings/{end}"
            for name in exchanges
            for end in ("source", "destination")
        ]
        # The bindings first: an exchange that is there after them was not declared anew without them.
        listed = list(self._pool.map(lambda path: list_bindings(self._api, path), paths))
        entries = [
            entry
            for entry in self._pool.map(lambda name: find_exchange(self._api, self._vhost, name), exchanges)
            if entry is not None
        ]
        found = asked.result()
        existing = Existing(
            broker=BrokerIdentity(location=self._api.address.location),
            vhost=self._vhost,
            exchanges={exchange.name: exchange for exchange in map(exchange_from, entries)},
            bindings={binding: keys for one in listed for binding, keys in one.items()},
            policies={policy: policy_from(found)} if found is not None else {},
        )
        in_force = {entry["name"]: entry["policy"] for entry in entries if entry.get("policy")}
        return Around(existing=existing, in_force=in_force)

    def swap(self, order: Swap) -> None:
        """Put one exchange in the place of another. See `proca_topo.broker.changing.swapping.swap`."""
        from proca_topo.broker.changing.swapping import swap

        swap(self._api.address, self._vhost, order)

    def policies(self) -> Sequence[Policy]:
        """All policies but those of the operator."""
        return [*list_policies(self._api, self._vhost).values()]

    def operator_policies(self) -> Sequence[Policy]:
        """Those of the operator. Raises AccessError for a mere user."""
        return [*map(policy_from, self._api.get_list(path_of("operator-policies", self._vhost)))]

    def alarms(self) -> Sequence[str]:
        """Why the broker's nodes take no messages at this moment; nothing where we may not see the nodes."""
        try:
            nodes = self._api.get_list("/nodes?columns=name,mem_alarm,disk_free_alarm,running")
        except AccessError:
            return ()  # then the move itself is stopped, without a loss
        kinds = {"mem_alarm": "memory", "disk_free_alarm": "disk"}
        return [
            f"{shown(str(node.get('name')))} has a {kind} alarm"
            for node in nodes
            for key, kind in kinds.items()
            if node.get(key) is True
        ]

    def may_impersonate(self) -> bool:
        """Whether our user may publish messages that say they are from another."""
        return _IMPERSONATOR in tags_of_user(self._api) and self._is_the_same_user()

    @property
    def user(self) -> str | None:
        """The user who publishes."""
        return self._api.address.amqp_username

    def lacking(self, queue: str, ours: str) -> Sequence[str]:
        """What the AMQP user lacks. See `proca_topo.broker.moving.trying.lacking`."""
        from proca_topo.broker.moving.trying import lacking

        return lacking(self._api.address, self._vhost, queue, ours)

    def why_not_new(self, queue: str, ours: str) -> str | None:
        """Why no queue can get this name. See `proca_topo.broker.moving.trying.why_not_new`."""
        from proca_topo.broker.moving.trying import why_not_new

        return why_not_new(self._api.address, self._vhost, queue, ours)

    def may_disconnect(self) -> bool:
        """Whether our user may close other users' connections."""
        return _ADMINISTRATOR in tags_of_user(self._api)

    def holders(self, queue: str) -> int | None:
        """How many hold something of a quorum queue, or may come to.

        Such a queue takes for a consumer whoever has got a message and not acknowledged it, also one that has
        cancelled its consumer since (seen on 3.10.8, 4.0.5 and 4.3.6, with x-single-active-consumer too).
        """
        from proca_topo.broker.amqp.client import queue_counts

        counts = queue_counts(self._api.address, self._vhost, [queue]).get(queue)
        return None if counts is None else counts.consumers

    def is_lifeless(self, queue: str) -> bool:
        """Whether nobody leads a quorum queue. See `proca_topo.broker.moving.empty_logs`."""
        return has_empty_log(self._api, self._vhost, queue)

    def inspect(self, queue: str) -> "Inspected":
        """Look at every message in a queue and put it back."""
        from proca_topo.broker.moving.inspecting import inspect

        return inspect(self._api.address, self._vhost, queue)

    def _is_the_same_user(self) -> bool:
        return self._api.address.username == self._api.address.amqp_username

    def move(
        self,
        order: "Move",
        *,
        progress: Callable[[int], None],
        idle: Callable[[int], None] | None = None,
        make_room: Callable[[], None] | None = None,
    ) -> "Moved":
        """Move all messages of a queue. See `proca_topo.broker.moving.move.move`."""
        from proca_topo.broker.moving.move import move

        if order.source_is_quorum and order.delete_source and self.is_lifeless(order.source):
            return self._discard(order.source, idle)
        return move(self._api.address, self._vhost, order, progress=progress, idle=idle, make_room=make_room)

    def _discard(self, queue: str, idle: Callable[[int], None] | None) -> "Moved":
        """Delete a queue that can give nothing, nor take anything meanwhile. RabbitMQ needs 5 s for that."""
        from proca_topo.broker.moving.move import Moved

        if idle is not None:
            idle(0)
        if (reason := self._api.delete(path_of("queues", self._vhost, queue))) is not None:
            raise BrokerError(f"{shown(queue)} cannot be deleted: {one_line(reason)}")
        return Moved(messages=0, deleted=True)

    def clients(self, queue: str) -> Sequence[Client]:
        """The connections that consume from a queue. RabbitMQ tells of a new one up to 6 s late."""
        entry = self._api.find(path_of("queues", self._vhost, queue)) or {}
        details = entry.get("consumer_details")
        channels = [one.get("channel_details") for one in details] if isinstance(details, list) else []
        # The channel of a consumer that has just gone may have no name any more.
        said = (channel.get("connection_name") for channel in channels if isinstance(channel, dict))
        names = {name for name in said if isinstance(name, str)}
        return [self._client(name) for name in sorted(names)]

    def disconnect(self, client: Client) -> None:
        """Close a connection. What it has not acknowledged goes back into its queues. No error if it is gone."""
        reason = self._api.delete(path_of("connections", client.connection))
        if reason is None:
            return
        raise BrokerError(
            f"the connection {client.text} cannot be closed ({one_line(reason)}): that takes a user"
            " with the tag 'administrator'; or stop the client yourself"
        )

    def _client(self, name: str) -> Client:
        try:
            entry = self._api.find(path_of("connections", name)) or {}
        except AccessError:
            entry = {}  # another user's, which takes the tag 'monitoring' or 'administrator' to see
        said = entry.get("client_properties")
        properties: Mapping[str, object] = said if isinstance(said, dict) else {}
        words = (properties.get(key) for key in ("connection_name", "product"))
        calls_itself = next((str(word) for word in words if isinstance(word, str) and word), None)
        user = entry.get("user")
        return Client(connection=name, user=user if isinstance(user, str) else None, calls_itself=calls_itself)

    def _not_gone(self, names: Sequence[str]) -> dict[str, _Seen | None]:
        """Those that are not gone after all. Raises BrokerError for one on a node that is down."""
        if not names or self._is_one_node:
            return {}
        from proca_topo.broker.amqp.client import not_gone

        seen: dict[str, _Seen | None] = {}
        for name, said in not_gone(self._api.address, self._vhost, names).items():
            seen[name] = self._queue(name)
            if seen[name] is None and said:
                raise _unreachable(name, said)
        return seen

    @cached_property
    def _is_one_node(self) -> bool:
        try:
            return len(self._api.get_list("/nodes?columns=name")) == 1
        except AccessError:
            return False  # it may be a cluster

    def _queue(self, name: str) -> _Seen | None:
        try:
            entry = find_queue(self._api, self._vhost, name)
        except ServerError as error:
            raise _unreachable(name, str(error)) from error
        if entry is None or is_left_out(entry):
            return None
        to_queue = list_bindings(self._api, f"{path_of('queues', self._vhost, name)}/bindings")
        return queue_from(entry), activity_from(entry), to_queue

    def _exchange(self, name: str) -> Exchange | None:
        entry = find_exchange(self._api, self._vhost, name)
        return exchange_from(entry) if entry is not None else None


def _unreachable(queue: str, said: str) -> BrokerError:
    return BrokerError(
        f"RabbitMQ knows {shown(queue)} and cannot reach it ({one_line(said)}): if the node that it is on is down,"
        " start that node, and apply again"
    )
