"""Plugins that an installed RabbitMQ has."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from proca_topo.errors import UsageError
from proca_topo.sandbox.installation import Installation
from proca_topo.topology.exchange_types import PLUGINS


def plugins_for(exchange_types: Iterable[str], installation: Installation) -> Collection[str]:
    """The plugins that bring these types, where they are installed. Without one RabbitMQ tells what it lacks."""
    wanted = {PLUGINS[one] for one in exchange_types if one in PLUGINS}
    return sorted(wanted & installation.plugins) if wanted else ()


def check_plugins(names: Iterable[str], installation: Installation) -> None:
    """RabbitMQ starts without a plugin that it does not have, and says so in its log only. Raises `UsageError`."""
    for name in names:
        if name not in installation.plugins:
            close = get_close_matches(name, sorted(installation.plugins), n=1)
            advice = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"sandbox: RabbitMQ {installation.version} has no plugin {name}{advice}")
