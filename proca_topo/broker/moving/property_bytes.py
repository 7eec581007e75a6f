"""A message's properties as the bytes that AMQP sends, changed without being taken apart.

A client library that reads headers and writes them again changes them: pika makes a whole number of a header that
is 1.5, and fails on a time that Python's datetime does not know. What is not read stays as it is.

The layout: a word of flags, then the fields that are there, in the order of `Field`.
See https://www.rabbitmq.com/amqp-0-9-1-errata#section_3 for the types in a table of headers.
"""

from collections.abc import Collection, Iterator
from enum import IntEnum
from typing import Final

from proca_topo.broker.moving.frames import short


class Field(IntEnum):
    """The properties, by their flags, in the order in which they come."""

    CONTENT_TYPE = 1 << 15
    CONTENT_ENCODING = 1 << 14
    HEADERS = 1 << 13
    DELIVERY_MODE = 1 << 12
    PRIORITY = 1 << 11
    CORRELATION_ID = 1 << 10
    REPLY_TO = 1 << 9
    EXPIRATION = 1 << 8
    MESSAGE_ID = 1 << 7
    TIMESTAMP = 1 << 6
    TYPE = 1 << 5
    USER_ID = 1 << 4
    APP_ID = 1 << 3
    CLUSTER_ID = 1 << 2


EXPIRATION_HEADER: Final = b"x-proca-topo-expiration"
"""Where a message's expiration is while it is parked."""

_FLAGS: Final = 2
_LENGTH: Final = 4
_OCTETS: Final = {Field.DELIVERY_MODE: 1, Field.PRIORITY: 1, Field.TIMESTAMP: 8}
# The sizes of the values in a table by their types; those of any other type begin with four bytes of length.
_SIZES: Final = {
    ord(kind): size
    for kinds, size in {"V": 0, "tbB": 1, "sUu": 2, "Iif": 4, "D": 5, "lLdT": 8}.items()
    for kind in kinds
}
_LONG_STRING: Final = b"S"


def has(encoded: bytes, field: Field) -> bool:
    """Whether that property is there."""
    return bool(int.from_bytes(encoded[:_FLAGS], "big") & field)


def user_of(encoded: bytes) -> str | None:
    """The user whom the message says it is from."""
    if not has(encoded, Field.USER_ID):
        return None
    return _fields(encoded)[Field.USER_ID][1:].decode(errors="replace")


def parked(encoded: bytes) -> bytes:
    """With the expiration, if there is one, as a header that RabbitMQ takes no notice of."""
    if not has(encoded, Field.EXPIRATION):
        return encoded
    fields = _fields(encoded)
    expiration = fields.pop(Field.EXPIRATION)[1:]
    entry = short(EXPIRATION_HEADER) + _LONG_STRING + len(expiration).to_bytes(_LENGTH, "big") + expiration
    fields[Field.HEADERS] = _table(fields.get(Field.HEADERS, _table(b""))[_LENGTH:] + entry)
    return _joined(fields)


def unparked(encoded: bytes) -> bytes:
    """With the expiration, if it is parked, as it was."""
    if EXPIRATION_HEADER not in encoded or not has(encoded, Field.HEADERS):
        return encoded
    fields = _fields(encoded)
    for name, value in _entries(fields[Field.HEADERS]):
        if name == EXPIRATION_HEADER and value[:1] == _LONG_STRING:
            fields[Field.EXPIRATION] = short(value[1 + _LENGTH :])
            return without_headers(_joined(fields), {EXPIRATION_HEADER})
    return encoded


def without_headers(encoded: bytes, names: Collection[bytes]) -> bytes:
    """Without the headers of these names, and without a table of headers that has become empty by that."""
    if not has(encoded, Field.HEADERS):
        return encoded
    fields = _fields(encoded)
    entries = list(_entries(fields[Field.HEADERS]))
    kept = [(name, value) for name, value in entries if name not in names]
    if len(kept) == len(entries):
        return encoded
    if kept:
        fields[Field.HEADERS] = _table(b"".join(short(name) + value for name, value in kept))
    else:
        del fields[Field.HEADERS]
    return _joined(fields)


def _fields(encoded: bytes) -> dict[Field, bytes]:
    """Each property that is there, with its length if it has one."""
    fields, at = {}, _FLAGS
    for field in Field:
        if has(encoded, field):
            end = at + _size(field, encoded, at)
            fields[field], at = encoded[at:end], end
    return fields


def _size(field: Field, encoded: bytes, at: int) -> int:
    if field in _OCTETS:
        return _OCTETS[field]
    if field is Field.HEADERS:
        return _LENGTH + int.from_bytes(encoded[at : at + _LENGTH], "big")
    return 1 + encoded[at]


def _joined(fields: dict[Field, bytes]) -> bytes:
    flags = sum(fields)
    return flags.to_bytes(_FLAGS, "big") + b"".join(fields[field] for field in Field if field in fields)


def _entries(table: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The names and the values, each value with its type."""
    at = _LENGTH
    while at < len(table):
        value = at + 1 + table[at]
        end = value + 1 + _value_size(table, value)
        yield table[at + 1 : value], table[value:end]
        at = end


def _value_size(table: bytes, at: int) -> int:
    size = _SIZES.get(table[at])
    return _LENGTH + int.from_bytes(table[at + 1 : at + 1 + _LENGTH], "big") if size is None else size


def _table(entries: bytes) -> bytes:
    return len(entries).to_bytes(_LENGTH, "big") + entries
