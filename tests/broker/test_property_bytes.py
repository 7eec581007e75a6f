"""Properties are changed in one place, and all other bytes stay."""

from typing import Final

import pytest

from proca_topo.broker.moving.property_bytes import Field, has, parked, unparked, user_of, without_headers

# Headers: text "v" named "k". Then an expiration, "60", and a user, "me".
HEADERS: Final = b"\x00\x00\x00\x08\x01kS\x00\x00\x00\x01v"
ALL: Final = b"\x21\x10" + HEADERS + b"\x0260" + b"\x02me"


def test_what_is_there() -> None:
    assert has(ALL, Field.HEADERS)
    assert not has(ALL, Field.TYPE)
    assert user_of(ALL) == "me"
    assert user_of(b"\x00\x00") is None


@pytest.mark.parametrize(
    "encoded", [ALL, b"\x01\x00\x0260", b"\x20\x00" + HEADERS, b"\x00\x00", b"\x20\x00" + bytes(4)]
)
def test_parking_can_be_undone(encoded: bytes) -> None:
    assert not has(parked(encoded), Field.EXPIRATION)
    assert unparked(parked(encoded)) == encoded


def test_parking_moves_the_expiration_behind_the_headers() -> None:
    entry = b"\x17x-proca-topo-expirationS\x00\x00\x00\x0260"
    assert parked(ALL) == b"\x20\x10" + bytes([0, 0, 0, 8 + len(entry)]) + HEADERS[4:] + entry + b"\x02me"


def test_headers_are_taken_off_by_their_names() -> None:
    assert without_headers(ALL, {b"other"}) == ALL
    assert without_headers(ALL, {b"k"}) == b"\x01\x10\x0260\x02me"


def test_a_header_of_that_name_that_is_no_text_is_not_ours() -> None:
    entry = b"\x17x-proca-topo-expirationt\x01"
    encoded = b"\x20\x00" + bytes([0, 0, 0, len(entry)]) + entry
    assert unparked(encoded) == encoded
