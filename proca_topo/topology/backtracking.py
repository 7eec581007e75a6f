"""Regular expressions that Python can take for ever to compare with a text. RabbitMQ's PCRE gives up some day."""

import re
from typing import Final

# What repeats nothing that is in parentheses repeats nothing that repeats.
_REPEATED_GROUP: Final = re.compile(r"\)[*+{]")


def backtracks_without_end(pattern: str | bytes) -> bool:
    """Whether there are texts that a valid expression can be compared with in exponentially many ways.

    So it is where a repeat can read the same characters in two ways and is then where it was: `(a+)+`, `(a|aa)*`;
    not `a+(-a+)*`. Repeats in a row (`a*a*`) take longer, but come to an end.
    """
    if _REPEATED_GROUP.search(pattern if isinstance(pattern, str) else pattern.decode("latin-1")) is None:
        return False
    from proca_topo.topology.automaton import reads_in_two_ways

    return reads_in_two_ways(pattern)
