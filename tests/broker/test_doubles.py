"""Numbers in tables go to RabbitMQ whatever class they are of."""

import struct

from pika import data
from pika.compat import long

from proca_topo.broker.amqp.doubles import doubles


def test_pikas_long_integers_are_written_as_such() -> None:
    """Looked for in a range they would take for ever, and with them the deletion of a binding over AMQP."""
    pieces: list[bytes] = []
    with doubles():
        data.encode_table(pieces, {"a": [long(5), -7, 2**63, 1.5]})
    written = b"".join(pieces)
    for number in (struct.pack(">cq", b"l", 5), struct.pack(">ci", b"I", -7), struct.pack(">cd", b"d", 1.5)):
        assert number in written
