"""The words of an exchange's routing keys, as a spec says them: `[org, custom|system, supporter|action]`."""

from collections.abc import Iterator, Sequence
from itertools import islice, product
from typing import Final

from proca_topo.topology.routing.topics import ANY_WORDS, ONE_WORD, words_of

_ALTERNATIVES: Final = "|"
_MOST_KEYS: Final = 64


def keys_of_shape(pattern: str, shape: Sequence[str]) -> tuple[str, ...]:
    """The keys of this shape that a topic pattern lets through, 64 at most; none if its words do not fit.

    A word that may be any stays `*`.
    """
    found: dict[str, None] = {}
    for words in _of_length(words_of(pattern), len(shape)):
        choices = [_choices(word, wanted) for word, wanted in zip(words, shape, strict=True)]
        found.update(dict.fromkeys(".".join(key) for key in islice(product(*choices), _MOST_KEYS)))
    return tuple(islice(found, _MOST_KEYS))


def _choices(word: str, wanted: str) -> Sequence[str]:
    """What stands for a word of a pattern where the shape has `wanted`."""
    if _ALTERNATIVES not in wanted:
        return (word,)
    alternatives = wanted.split(_ALTERNATIVES)
    if word == ONE_WORD:
        return alternatives
    return (word,) if word in alternatives else ()


def _of_length(words: Sequence[str], length: int) -> Iterator[list[str]]:
    """The pattern with each `#` written out as so many `*` that it has the length, in every way."""
    if ANY_WORDS not in words:
        if len(words) == length:
            yield list(words)
        return
    at = words.index(ANY_WORDS)
    for count in range(length - len(words) + words.count(ANY_WORDS) + 1):
        rest = _of_length(words[at + 1 :], length - at - count)
        yield from ([*words[:at], *[ONE_WORD] * count, *others] for others in rest)
