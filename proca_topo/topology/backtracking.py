"""Regular expressions that Python can take for ever to compare with a text. RabbitMQ's PCRE gives up some day."""

import re
from typing import Final

_ITEM: Final = r"(?:\[\^?\]?[^\]]*\]|\\.|[^][\\()|*+?{}])"
_MAY_BE_ABSENT: Final = rf"(?:{_ITEM}[*?])*"
_REPEAT_OF_A_REPEAT: Final = re.compile(rf"\((?:\?:)?{_MAY_BE_ABSENT}{_ITEM}[*+]{_MAY_BE_ABSENT}\)[*+{{]")


def backtracks_without_end(pattern: str | bytes) -> bool:
    """Whether a valid expression repeats what is no more than a repeat itself: `(a+)+`, `([a-z]+-?)*`.

    That reads the same text in exponentially many ways, before it is certain that it does not match. It is what
    people write; other ways to the same, as `(a|aa)*`, are not found.
    """
    text = pattern if isinstance(pattern, str) else pattern.decode("latin-1")
    return _REPEAT_OF_A_REPEAT.search(text) is not None
