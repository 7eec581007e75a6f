"""A broker behind RabbitMQ's management API, with AMQP for what the API cannot tell or do."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from proca_topo.broker.address import BrokerAddress
from proca_topo.broker.changing.declaring import Declaring
from proca_topo.broker.changing.deleting import Deleting
from proca_topo.broker.http.client import CONNECTIONS, ManagementApi, is_addressable, path_of
from proca_topo.broker.http.errors import reason_of
from proca_topo.broker.protocol import Failure, Lock, Mover, Progress
from proca_topo.broker.reading.consumers import count_consumers
from proca_topo.broker.reading.facts import VhostFacts, new_vhost, vhost_facts
from proca_topo.broker.reading.listing import read_all
from proca_topo.broker.reading.looking import look
from proca_topo.broker.reading.scoped import read_scope
from proca_topo.errors import BrokerError
from proca_topo.topology.existing import Activity, Existing, Scope
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Exchange, Noun, Queue

_EVERYTHING: Final = {"configure": ".*", "write": ".*", "read": ".*"}


class ManagementBroker:
    """The `Broker` at an address with a management URL. Safe to use from several threads."""

    def __init__(self, address: BrokerAddress) -> None:
        self._api = ManagementApi(address)
        self._asked_for_lock: dict[str, VhostFacts] = {}
        self._pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="proca-topo-broker")
        self._changing = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="proca-topo-changing")

    def read(self, vhost: str, scope: Scope | None = None) -> Existing:
        """The vhost as it is now, or the part in `scope`.

        Messages are counted at this moment, with three exceptions of RabbitMQ's own: quorum queues up to 5 s late,
        streams not at all, and with a `scope` on 3.10 everything up to 7 s late. Consumers are not counted.
        """
        if scope is None:
            # A lock has asked for them a moment ago. Only the reading that comes next may lean on that.
            return read_all(self._api, vhost, self._pool, self._asked_for_lock.pop(vhost, None))
        return read_scope(self._api, vhost, scope, self._pool)

    def new_vhost(self, vhost: str) -> Existing:
        """What a vhost shows that `create_vhost` has just made: the exchanges that each has."""
        return new_vhost(self._api, vhost)

    def look(self, vhost: str, queues: Collection[str]) -> Mapping[str, Activity]:
        """What is going on in these queues at this moment.

        Messages that wait and consumers are immediate for classic and quorum queues. Messages held unacknowledged
        are for classic queues; those of quorum queues RabbitMQ itself counts every 5 s only, of streams never.
        `consumers` is None where AMQP cannot be reached, the queue is another connection's own, or a quorum queue
        that does not answer, which is not `counted` then.
        """
        return look(self._api, vhost, queues, self._pool)

    def consumers(self, vhost: str) -> Mapping[str, int] | None:
        """How many consumers the queues have, up to 7 s late; None where the node keeps no statistics."""
        return count_consumers(self._api, vhost)

    def lock(self, vhost: str) -> Lock:
        """The lock of this vhost, by an exclusive queue over AMQP."""
        from proca_topo.broker.amqp.lock import AmqpLock

        # A wrong URL, password or vhost is told by the API, whose words are about what was asked for.
        facts = vhost_facts(self._api, vhost)
        lock = AmqpLock(self._api, vhost)
        self._asked_for_lock[vhost] = facts
        return lock

    def mover(self, vhost: str) -> Mover:
        """What moves messages in this vhost."""
        from proca_topo.broker.mover import ManagementMover

        return ManagementMover(self._api, vhost, self._pool)

    def replace_outright(self, vhost: str, before: Queue | Exchange, after: Queue | Exchange) -> bool:
        """RabbitMQ cannot: messages would be lost on the way."""
        del vhost, before, after
        return False

    def create_vhost(self, vhost: str) -> None:
        """Make the vhost if it is not there, and give the user all permissions in it if it has none."""
        if not is_addressable(vhost):
            raise BrokerError(
                f"the vhost {shown(vhost)!r} cannot be made: the management API cannot be asked for it"
            )
        # A PUT on one that is there would reset its description and default queue type.
        if self._api.find(path_of("vhosts", vhost)) is None:
            self._put(path_of("vhosts", vhost), {})
        permissions = path_of("permissions", vhost, self._api.address.username)
        if self._api.find(permissions) is None:
            self._put(permissions, _EVERYTHING)

    def declare(self, vhost: str, nouns: Sequence[Noun], progress: Progress) -> Sequence[Failure]:
        """Declare what is absent: up to 20 objects one by one, more of them by importing definitions.

        Only one by one does RabbitMQ say why it refuses an object. After an import, read back, and call this again
        with what is still missing.
        """
        if not nouns:
            return []
        facts = vhost_facts(self._api, vhost)
        return Declaring(
            api=self._api,
            pool=self._changing,
            vhost=vhost,
            default_queue_type=facts.default_queue_type,
            progress=progress,
        ).declare(nouns)

    def delete(self, existing: Existing, nouns: Sequence[Noun], progress: Progress) -> Sequence[Failure]:
        """Delete in parallel. RabbitMQ itself checks that a classic queue is unused and that nothing waits in it
        (which says nothing of what is held unacknowledged); for quorum queues and streams it cannot.
        """
        return Deleting(api=self._api, pool=self._changing, existing=existing, progress=progress).delete(nouns)

    def close(self) -> None:
        """Let go of connections and threads. Changes under way are waited for, answers are not."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._changing.shutdown(cancel_futures=True)
        self._api.close()

    def _put(self, path: str, body: object) -> None:
        response = self._api.request("PUT", path, body)
        if not response.is_success:
            raise BrokerError(f"{self._api.address.location} refuses PUT {path}: {reason_of(response)}")
