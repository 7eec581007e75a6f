"""What all torture tests have."""

import logging


def pytest_configure() -> None:
    """Connections are lost on purpose here; pika tells each with a traceback."""
    logging.getLogger("pika").setLevel(logging.CRITICAL)
