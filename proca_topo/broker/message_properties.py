"""What of a message's properties changes when it is moved, on the bytes as RabbitMQ sends them.

pika's own decoding cannot give every header back as it came: a float loses its fraction, a short integer and text
that is not UTF-8 their type. What is not to be changed is therefore never decoded here.
"""

import struct
from collections.abc import Iterator
from typing import Final

from proca_topo.broker.move import Leaving

EXPIRATION_HEADER: Final = b"x-proca-topo-expiration"
"""Where a parked message keeps its expiration (milliseconds, as text, as AMQP has it)."""

REDELIVERY_HEADERS: Final = frozenset({b"x-delivery-count", b"x-acquired-count"})
"""What a quorum queue adds to the headers of a message that it delivers again: the stored message has neither."""


_HEADERS: Final = 13
_EXPIRATION: Final = 8
_USER_ID: Final = 4
# Which of AMQP's basic properties there are is told by the bits of a short, from 15 down to 2; their values follow
# in that order. Those not named here are texts with their length in one byte.
_FIRST: Final = 15
_LAST: Final = 2
_SIZES: Final = {12: 1, 11: 1, 6: 8}
_FLAGS: Final = struct.Struct(">H")
_LENGTH: Final = struct.Struct(">I")
_TEXT: Final = ord("S")
# The sizes of the values that a header can have, by their type; the others begin with their length in four bytes.
_VALUE_SIZES: Final = {
    **dict.fromkeys(b"tbB", 1),
    **dict.fromkeys(b"sUu", 2),
    **dict.fromkeys(b"Iif", 4),
    **dict.fromkeys(b"lLdT", 8),
    ord("D"): 5,
    ord("V"): 0,
}
_WITH_LENGTH: Final = frozenset(b"SxAF")

_Values = dict[int, bytes]


def user_id(properties: bytes) -> str | None:
    """Whose message it says it is, if it does."""
    if not properties[1] & 1 << _USER_ID:
        return None
    return _values(properties)[_USER_ID][1:].decode(errors="replace")


def moved(properties: bytes, leaving: Leaving, *, from_quorum: bool) -> bytes:
    """The properties that the message's copy gets. Raises ValueError if they are not AMQP's basic properties.

    `from_quorum` takes off what a quorum queue added when it delivered the message.
    """
    has_headers = properties[0] & 1 << _HEADERS - 8
    expires = leaving is Leaving.PARK and properties[0] & 1 << _EXPIRATION - 8
    if not (expires or (has_headers and (from_quorum or leaving is Leaving.UNPARK))):
        return properties
    values = _values(properties)
    headers = dict(_entries(values[_HEADERS])) if has_headers else {}
    before = len(headers)
    if from_quorum:
        headers = {name: value for name, value in headers.items() if name not in REDELIVERY_HEADERS}
    if expires:
        text = values.pop(_EXPIRATION)[1:]
        headers[EXPIRATION_HEADER] = bytes([_TEXT]) + _LENGTH.pack(len(text)) + text
    elif leaving is Leaving.UNPARK and (kept := _kept_expiration(headers)) is not None:
        del headers[EXPIRATION_HEADER]
        values[_EXPIRATION] = bytes([len(kept)]) + kept
    elif len(headers) == before:
        return properties
    return _joined(values, headers)


def _kept_expiration(headers: dict[bytes, bytes]) -> bytes | None:
    value = headers.get(EXPIRATION_HEADER, b"")
    return value[5:] if value[:1] == bytes([_TEXT]) else None


def _joined(values: _Values, headers: dict[bytes, bytes]) -> bytes:
    table = b"".join(bytes([len(name)]) + name + value for name, value in headers.items())
    parts = {**values, _HEADERS: _LENGTH.pack(len(table)) + table}
    if not table:
        # A message without headers has no empty ones either.
        del parts[_HEADERS]
    return _FLAGS.pack(sum(1 << bit for bit in parts)) + b"".join(
        parts[bit] for bit in sorted(parts, reverse=True)
    )


def _values(properties: bytes) -> _Values:
    """Each property that there is, by its bit, as it is encoded."""
    (flags,) = _FLAGS.unpack_from(properties)
    values = {}
    start = _FLAGS.size
    for bit in range(_FIRST, _LAST - 1, -1):
        if flags & 1 << bit:
            end = start + _size(properties, bit, start)
            values[bit] = properties[start:end]
            start = end
    if start != len(properties):
        raise ValueError(f"{len(properties) - start} bytes more than its properties have")
    return values


def _size(properties: bytes, bit: int, start: int) -> int:
    if bit == _HEADERS:
        return _LENGTH.size + int(_LENGTH.unpack_from(properties, start)[0])
    return _SIZES.get(bit) or 1 + properties[start]


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The names and values of headers, each value as it is encoded, its type first."""
    start = _LENGTH.size
    while start < len(table):
        name_end = start + 1 + table[start]
        end = _value_end(table, name_end)
        yield table[start + 1 : name_end], table[name_end:end]
        start = end


def _value_end(table: bytes, start: int) -> int:
    kind = table[start]
    if kind in _WITH_LENGTH:
        return start + 1 + _LENGTH.size + int(_LENGTH.unpack_from(table, start + 1)[0])
    if kind not in _VALUE_SIZES:
        raise ValueError(f"a header of the unknown type {chr(kind)!r}")
    return start + 1 + _VALUE_SIZES[kind]
