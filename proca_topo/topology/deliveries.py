"""How often a quorum queue delivers a message before it gives it up."""

from typing import Final

LIMIT_BY_DEFAULT: Final = 20
"""RabbitMQ's own from 4.0 on."""

ENOUGH_DELIVERIES: Final = 1_000_000
"""As good as no limit: a consumer that fails ten times a second needs a day for so many."""
