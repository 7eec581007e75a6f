"""pika, made to write numbers that it reads but refuses to write. Imported only together with pika."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pika import data

from proca_topo.broker.amqp.shared import shared

# A value's type and 64 bits, as which RabbitMQ has what comes as such a number in JSON.
_DOUBLE: Final = struct.Struct(">cd")
# Pika's own class for long integers would be looked for in a range number by number.
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1


@shared
@contextmanager
def doubles() -> Iterator[None]:
    """In this block pika writes fractions, and whole numbers that are too large for 64 bits, in tables."""
    before = data.encode_value

    def encode_value(pieces: list[bytes], value: object) -> int:
        if isinstance(value, float) or (isinstance(value, int) and not _LEAST <= value <= _MOST):
            pieces.append(_DOUBLE.pack(b"d", value))
            return _DOUBLE.size
        size: int = before(pieces, value)
        return size

    data.encode_value = encode_value
    try:
        yield
    finally:
        data.encode_value = before
