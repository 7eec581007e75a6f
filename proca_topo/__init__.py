"""Topology as code for RabbitMQ."""


def version() -> str:
    """The installed version of proca-topo."""
    # Late: it costs more than half of what starting Python does.
    from importlib.metadata import version as installed_version

    return installed_version("proca-topo")
