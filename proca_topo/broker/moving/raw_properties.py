"""pika, kept from reading the properties of messages. Imported only together with pika."""

from collections.abc import Iterator
from contextlib import contextmanager

from pika import spec

from proca_topo.broker.amqp.shared import shared


class RawProperties(spec.BasicProperties):  # type: ignore[misc]  # pika has no types
    """The properties of a message as the bytes that came. See `proca_topo.broker.moving.property_bytes`."""

    def __init__(self, encoded: bytes = b"\0\0") -> None:
        self.encoded = encoded

    def decode(self, encoded: bytes, offset: int = 0) -> "RawProperties":
        """Take them as they are."""
        self.encoded = encoded[offset:]
        return self


@shared
@contextmanager
def raw_properties() -> Iterator[None]:
    """In this block all messages that pika delivers have RawProperties."""
    before = spec.props[spec.BasicProperties.INDEX]
    spec.props[spec.BasicProperties.INDEX] = RawProperties
    try:
        yield
    finally:
        spec.props[spec.BasicProperties.INDEX] = before
