"""What RabbitMQ says of a policy that it does not take, in words for people."""

import re
from typing import Final

from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Policy

_UNKNOWN: Final = "are not recognised policy settings"
_INVALID: Final = re.compile(r"^Validation failed\s*")
_TEXT: Final = re.compile(r'<<("[^"]*")>>')
# A node knows the keys of those of its plugins that are enabled.
_PLUGINS: Final = {"federation-": "rabbitmq_federation", "shards-per-node": "rabbitmq_sharding"}


def policy_refusal(policy: Policy, reason: str) -> str:
    """RabbitMQ's reason for refusing a policy, without its Erlang, and what to do where that is known."""
    if reason.endswith(_UNKNOWN):
        unknown = [key for key in policy.definition if f'<<"{key}">>' in reason]
        if unknown:
            return "; ".join(map(_unknown, unknown))
    plain = _TEXT.sub(r"\1", reason)
    said = _INVALID.sub("", plain)
    return plain if said == plain else f"RabbitMQ does not take it: {said}"


def _unknown(key: str) -> str:
    plugin = next((plugin for prefix, plugin in _PLUGINS.items() if key.startswith(prefix)), None)
    enable = "the plugin that it is of" if plugin is None else f"it with `rabbitmq-plugins enable {plugin}`"
    known = "" if plugin is None else f", which is of the plugin {plugin}"
    return f"RabbitMQ does not know {shown(key)} in a policy{known}: enable {enable}, or take it out of the spec"
