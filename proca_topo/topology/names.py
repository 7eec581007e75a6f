"""Names from outside, made safe to print."""

import json
import unicodedata
from typing import Final

MAX_NAME_BYTES: Final = 255
"""What AMQP takes for a name or a routing key: it has one byte for the length."""

NO_TEXT: Final = '""'
"""What stands in a sentence for the empty text."""

# Other, control; other, format (bidirectional overrides, zero-width); line and paragraph separators;
# lone surrogates: what could move a terminal's cursor, reorder a line or forge one.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs"})


def shown(name: str) -> str:
    """`name` as it stands if it is harmless, otherwise as a JSON string with everything unsafe escaped."""
    if name.isascii() and name.isprintable():
        return name
    if all(unicodedata.category(char) not in _UNSAFE_CATEGORIES for char in name):
        return name
    return json.dumps(name)


def shown_exchange(name: str) -> str:
    """An exchange's name as `shown` has it, and words for the one whose name is empty."""
    return shown(name) or "the default exchange"


def is_utf8(text: str) -> bool:
    """Whether text from the command line or the environment was UTF-8: Python keeps other bytes as surrogates."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def one_line(text: str) -> str:
    """Text from outside (a broker's reason) on one line, without anything unsafe."""
    return " ".join(
        "".join(char if unicodedata.category(char) not in _UNSAFE_CATEGORIES else _escaped(char) for char in line)
        for line in text.split("\n")
    ).strip()


def _escaped(char: str) -> str:
    return " " if char in "\t\r" else json.dumps(char)[1:-1]
