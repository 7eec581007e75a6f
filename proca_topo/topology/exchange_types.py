"""Types of exchanges that come with a plugin."""

from collections.abc import Mapping
from typing import Final

PLUGINS: Final[Mapping[str, str]] = {
    "x-consistent-hash": "rabbitmq_consistent_hash_exchange",
    "x-delayed-message": "rabbitmq_delayed_message_exchange",
    "x-jms-topic": "rabbitmq_jms_topic_exchange",
    "x-modulus-hash": "rabbitmq_sharding",
    "x-random": "rabbitmq_random_exchange",
    "x-recent-history": "rabbitmq_recent_history_exchange",
}
"""By type: the plugin that brings it. All but that for delayed messages come with RabbitMQ (3.10, 4.0 and 4.3)."""
