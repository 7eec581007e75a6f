"""Which broker this is, and what it says of a vhost before anything in it is read."""

import shlex
from dataclasses import dataclass, replace

from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.http.errors import not_rabbitmq
from proca_topo.broker.wire import Json, default_queue_type
from proca_topo.errors import AccessError, BrokerError, VhostMissingError
from proca_topo.topology.existing import PREDEFINED, BrokerIdentity, Existing
from proca_topo.topology.names import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFacts:
    """What a broker says of itself. `exchange_types` are its own and those of its plugins that are enabled.

    `default_queue_type` is that of vhosts that are made without one.
    """

    broker: BrokerIdentity
    exchange_types: frozenset[str] | None
    default_queue_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VhostFacts(BrokerFacts):
    """What is worth knowing before anything is read or declared. The default queue type is the vhost's own."""


def vhost_facts(api: ManagementApi, vhost: str) -> VhostFacts:
    """Which broker this is, its types of exchanges, and the vhost's default queue type. Raises VhostMissingError.

    RabbitMQ 3.10 stores a default queue type and ignores it; from 3.11 on it is in force.
    """
    return facts_of_vhost(api, vhost, broker_facts(api, vhost))


def broker_facts(api: ManagementApi, vhost: str) -> BrokerFacts:
    """What the broker says of itself. Raises BrokerError if it cannot be asked for the vhost."""
    if not is_addressable(vhost):
        raise BrokerError(
            f"the vhost {shown(vhost)!r} cannot be reached: the management API cannot be asked for that name"
        )
    overview = api.get_object("/overview?disable_stats=true")
    version = overview.get("rabbitmq_version")
    if not isinstance(version, str):
        raise not_rabbitmq(api.address, "its overview names no RabbitMQ version")
    cluster = overview.get("cluster_name")
    broker = BrokerIdentity(location=api.address.location, version=version)
    if isinstance(cluster, str):
        api.belongs_to(cluster)
        broker = replace(broker, cluster_name=cluster)
    types = overview.get("exchange_types")
    names = frozenset(entry["name"] for entry in types) if types else None
    kind = default_queue_type(version, overview)
    return BrokerFacts(broker=broker, exchange_types=names, default_queue_type=kind)


def facts_of_vhost(api: ManagementApi, vhost: str, known: BrokerFacts) -> VhostFacts:
    """What it says of the vhost besides. Raises VhostMissingError."""
    entry, broker = _vhost_entry(api, vhost), known.broker
    if entry is None:
        raise VhostMissingError(
            f"there is no vhost {shown(vhost)!r} on {api.address.location}", cluster_name=broker.cluster_name
        )
    kind = default_queue_type(broker.version or "", entry)
    return VhostFacts(broker=broker, default_queue_type=kind, exchange_types=known.exchange_types)


def new_vhost(api: ManagementApi, vhost: str) -> Existing:
    """What the vhost shows once it has been made."""
    known = broker_facts(api, vhost)
    return Existing(
        broker=known.broker,
        vhost=vhost,
        default_queue_type=known.default_queue_type,
        exchanges=PREDEFINED,
        exchange_types=known.exchange_types,
        is_new=True,
    )


def _vhost_entry(api: ManagementApi, vhost: str) -> Json | None:
    try:
        return api.find(path_of("vhosts", vhost))
    except AccessError as error:
        # Only administrators may ask for one vhost. Everybody may list those that they have permissions in.
        for entry in api.get_list("/vhosts"):
            if entry.get("name") == vhost:
                return entry
        raise _unseen(api, vhost) from error


def _unseen(api: ManagementApi, vhost: str) -> AccessError:
    """RabbitMQ tells such a user neither which of the two it is, nor anything but to become an administrator."""
    user = api.address.username
    place, name = shlex.quote(shown(vhost)), shlex.quote(shown(user))
    return AccessError(
        f"there is no vhost {shown(vhost)!r} on {api.address.location}, or the user {user!r} may not see it: an"
        f" administrator makes it with `rabbitmqctl add_vhost {place}` if it is absent, and lets the user in"
        f" with `rabbitmqctl set_permissions -p {place} {name} '.*' '.*' '.*'`"
    )
