"""Plugins that an installed RabbitMQ has."""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Final

from proca_topo.errors import UsageError
from proca_topo.sandbox.installation import Installation

OF_EXCHANGE_TYPES: Final[Mapping[str, str]] = {
    "x-consistent-hash": "rabbitmq_consistent_hash_exchange",
    "x-jms-topic": "rabbitmq_jms_topic_exchange",
    "x-modulus-hash": "rabbitmq_sharding",
    "x-random": "rabbitmq_random_exchange",
    "x-recent-history": "rabbitmq_recent_history_exchange",
}
"""By type of an exchange: the plugin that brings it, of those that come with RabbitMQ (3.10, 4.0 and 4.3)."""


def plugins_for(exchange_types: Iterable[str], installation: Installation) -> Collection[str]:
    """The plugins that bring these types, where they are installed. Without one RabbitMQ tells what it lacks."""
    wanted = {OF_EXCHANGE_TYPES[one] for one in exchange_types if one in OF_EXCHANGE_TYPES}
    return sorted(wanted & installation.plugins) if wanted else ()


def check_plugins(names: Iterable[str], installation: Installation) -> None:
    """RabbitMQ starts without a plugin that it does not have, and says so in its log only. Raises `UsageError`."""
    for name in names:
        if name not in installation.plugins:
            close = get_close_matches(name, sorted(installation.plugins), n=1)
            advice = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"sandbox: RabbitMQ {installation.version} has no plugin {name}{advice}")
