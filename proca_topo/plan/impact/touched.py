"""The messages that a change of a binding may concern: one for each way that the change could make a difference.

There are endlessly many keys. Two that the same patterns let through have the same way, so it is enough to try one
of those that the changed pattern shares with each other pattern, and one that no other pattern names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from proca_topo.topology.nouns import Binding
from proca_topo.topology.routing.headers import WantedHeaders
from proca_topo.topology.routing.key_shapes import keys_of_shape
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes
from proca_topo.topology.routing.topics import ANY_WORDS, ONE_WORD, words_of

_MOST_SHARED: Final = 500
_ANY_VALUE: Final = "any"
# A word that hardly any pattern names, and more words than patterns have.
_ANY_WORD: Final = "?"
_MANY: Final = 20
_FEW: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """A message and its key as people read it, None where the exchange does not look at keys.

    `is_general` tells that it stands for all that the changed binding lets through and no other one names.
    """

    message: Message
    key: str | None = None
    is_general: bool = True


def touched_by(
    binding: Binding, exchange_type: str, routes: Sequence[Routes], shape: Sequence[str] | None
) -> Iterator[Touched]:
    """The messages that a binding of an exchange of this type lets through. `routes` are before and afterwards."""
    match exchange_type:
        case "topic":
            yield from _by_topic(binding, routes, shape)
        case "direct":
            yield Touched(message=Message(routing_key=binding.routing_key), key=binding.routing_key)
        case "headers":
            for headers in _headers(WantedHeaders.of(binding.arguments)):
                yield Touched(message=Message(routing_key="", headers=headers))
        case _:
            yield Touched(message=Message(routing_key=""))


def _by_topic(binding: Binding, routes: Sequence[Routes], shape: Sequence[str] | None) -> Iterator[Touched]:
    pattern = binding.routing_key
    general = dict.fromkeys(_shaped(pattern, shape))
    shared = (key for one in routes for key in islice(one.keys_shared_with(binding.source, pattern), _MOST_SHARED))
    special = dict.fromkeys(shaped for key in (*_lengths(pattern), *shared) for shaped in _shaped(key, shape))
    for key in general:
        yield Touched(message=_with_any_words(key), key=key)
    for key in sorted(special.keys() - general.keys()):
        yield Touched(message=_with_any_words(key), key=key, is_general=False)


def _lengths(pattern: str) -> Iterator[str]:
    """The pattern with few words in the place of one `#`, none of others: so many may be asked for elsewhere."""
    words = words_of(pattern)
    for chosen in (at for at, word in enumerate(words) if word == ANY_WORDS):
        for count in range(_FEW + 1):
            few = [ONE_WORD] * count
            before, after = (
                [word for word in part if word != ANY_WORDS] for part in (words[:chosen], words[chosen:])
            )
            yield ".".join([*before, *few, *after])


def _with_any_words(key: str) -> Message:
    """A message with this key, words in the place of its wildcards."""
    wildcards = {ONE_WORD: (_ANY_WORD,), ANY_WORDS: (_ANY_WORD,) * _MANY}
    words = (word for part in words_of(key) for word in wildcards.get(part, (part,)))
    return Message(routing_key=".".join(words))


def _shaped(pattern: str, shape: Sequence[str] | None) -> Sequence[str]:
    """The keys of the shape; as it stands what fits no shape, because it may be published all the same."""
    return (keys_of_shape(pattern, shape) if shape else ()) or (pattern,)


def _headers(wanted: WantedHeaders) -> Iterator[dict[str, Any]]:
    headers = {name: _ANY_VALUE if value is None else value for name, value in wanted.wanted.items()}
    if wanted.any_is_enough:
        yield from ({name: value} for name, value in headers.items())
    else:
        yield headers
