"""Whether a binding can be made a second time, as it takes to replace what is at either end of it."""

from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Binding


def why_not_anew(binding: Binding) -> str | None:
    """Why nobody can make a binding anew from what RabbitMQ shows of it; None if that can be done."""
    if binding.hides_others:
        return (
            f"its binding {shown(binding.name)} cannot be made anew: RabbitMQ's API cannot list one with a '~' in"
            " its key and with arguments. Unbind it first, and bind it again afterwards"
        )
    if binding.may_lack_a_value:
        return (
            f"its binding {shown(binding.name)} cannot be made anew: RabbitMQ shows an argument that has no value"
            " as it shows the text 'undefined'. Unbind it first, and bind it again afterwards"
        )
    return None
