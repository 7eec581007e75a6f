"""Topology as code for RabbitMQ."""

from importlib.metadata import version as _installed_version


def version() -> str:
    """The installed version of proca-topo."""
    return _installed_version("proca-topo")
