"""Where the routing keys of an exchange name the org that a message is for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from proca_topo.topology.routing.key_shapes import keys_of_shape
from proca_topo.topology.routing.topic_trie import TopicTrie
from proca_topo.topology.routing.topics import ANY_WORDS, ONE_WORD, words_of

ORG: Final = "org"

# Stands for an org's name that no pattern spells out, so that only wildcards let it through.
_ANY_ORG: Final = "\0"


@dataclass(frozen=True)
class OrgWords:
    """The words that stand for orgs in keys: `by_org` has them by placeholder (`org`, or a variable) and org."""

    by_org: Mapping[str, Mapping[str, str]]

    @classmethod
    def of(cls, orgs: Iterable[str], orgs_by_value: Mapping[tuple[str, str], str]) -> "OrgWords":
        """Those of these orgs: their names, and the values that only one of them has."""
        by_org: dict[str, dict[str, str]] = {ORG: {org: org for org in orgs}}
        for (variable, value), org in orgs_by_value.items():
            by_org.setdefault(variable, {})[org] = value
        return cls(by_org)

    @cached_property
    def by_word(self) -> Mapping[str, Mapping[str, str]]:
        """The same by placeholder and word."""
        return {name: {word: org for org, word in words.items()} for name, words in self.by_org.items()}

    def placeholder_of(self, word: str, org: str) -> str | None:
        """Which placeholder has this word for this org."""
        return next((name for name, words in self.by_org.items() if words.get(org) == word), None)

    def owner(self, place: "Place", word: str | None) -> str | None:
        """The org that a word in this place stands for."""
        return None if word is None else self.by_word[place.placeholder].get(word)

    def other_than(self, org: str, place: "Place") -> tuple[str, str] | None:
        """Another org, always the same, and its word in this place."""
        return next((pair for pair in self._first_two[place.placeholder] if pair[0] != org), None)

    @cached_property
    def _first_two(self) -> Mapping[str, Sequence[tuple[str, str]]]:
        return {name: sorted(words.items())[:2] for name, words in self.by_org.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """One of a key's words, counted from the end (negative) where a `#` stands before it."""

    index: int
    placeholder: str

    def word_in(self, words: Sequence[str]) -> str | None:
        """The word that a pattern has there; None where a `#` leaves it open, and where there is none."""
        index = self.index
        if not -len(words) <= index < len(words):
            return None
        return None if ANY_WORDS in (words[: index + 1] if index >= 0 else words[index:]) else words[index]


class OrgPlaces:
    """The places where the keys of one exchange name an org, and the patterns of such keys.

    `best` are the places, the one that most orgs' bindings have first: where two orgs have their names in
    different places of one key, who has the worse one is to blame.
    """

    def __init__(self, words: OrgWords, patterns: Mapping[Place, Iterable[str]], best: Iterable[Place]) -> None:
        self.best = tuple(best)
        self._words = words
        self._tries = {place: _trie_of(patterns[place]) for place in self.best}
        self._shared: dict[tuple[Place, str], str | None] = {}

    def open_to(self, pattern: str, place: Place, org: str) -> tuple[str, str] | None:
        """A key that a topic pattern of this org lets through with another org's name in that place, and who that
        is.
        """
        other = self._words.other_than(org, place)
        if other is not None and (key := self._shared_key(place, pattern)) is not None:
            return key.replace(_ANY_ORG, other[1]), other[0]
        if ANY_WORDS in (words := words_of(pattern)):
            # The name of another org behind a `#` can come to stand in the place.
            for word in words:
                owner = self._words.owner(place, word)
                if owner not in (None, org):
                    named = ".".join(_ANY_ORG if one == word else one for one in words)
                    if (key := self._shared_key(place, named)) is not None:
                        return key.replace(_ANY_ORG, word), owner
        return None

    def _shared_key(self, place: Place, pattern: str) -> str | None:
        # Thousands of orgs have the same pattern from the template.
        if (place, pattern) not in self._shared:
            self._shared[place, pattern] = next(self._tries[place].shared_with(pattern), None)
        return self._shared[place, pattern]


def places_of_shape(shape: Sequence[str], words: OrgWords) -> OrgPlaces | None:
    """The places that the spec's `keys` tell: `org`, or the name of a variable. None where they tell none."""
    keys = [words_of(key) for key in keys_of_shape(ANY_WORDS, shape)]
    patterns = {
        Place(index, word): [".".join((*key[:index], _ANY_ORG, *key[index + 1 :])) for key in keys]
        for index, word in enumerate(shape)
        if word in words.by_org
    }
    return OrgPlaces(words, patterns, patterns) if patterns else None


def places_of_bindings(bound: Iterable[tuple[str, str]], words: OrgWords) -> OrgPlaces:
    """The places where the bindings of an exchange, each a pattern and an org, have that org's own name."""
    naming: dict[Place, set[str]] = defaultdict(set)
    patterns: dict[Place, dict[str, None]] = defaultdict(dict)
    read = [(words_of(pattern), org) for pattern, org in bound]
    for pattern, org in read:
        for place, addressed in _named_in(pattern, org, words):
            naming[place].add(org)
            patterns[place][addressed] = None
    # What most have there who are not called so is a word like any other, after which one org happens to be named.
    places = [
        place
        for place, orgs in naming.items()
        if 2 * len(orgs) > len(read) or len(orgs) >= len(_misnamed(place, read, words))
    ]
    best = sorted(places, key=lambda place: (-len(naming[place]), place.index < 0, abs(place.index)))
    return OrgPlaces(words, patterns, best)


def _named_in(pattern: Sequence[str], org: str, words: OrgWords) -> Iterator[tuple[Place, str]]:
    """The places where a pattern has its own org's name, and the pattern for any org."""
    names = {word: name for word in pattern if (name := words.placeholder_of(word, org)) is not None}
    if not names:
        return
    for index, word in enumerate(pattern):
        if word in names:
            place = Place(index - len(pattern) if ANY_WORDS in pattern[:index] else index, names[word])
            if place.word_in(pattern) is not None:
                any_org = [ONE_WORD if one in names else one for one in pattern]
                yield place, ".".join((*any_org[:index], _ANY_ORG, *any_org[index + 1 :]))


def _misnamed(place: Place, bound: Iterable[tuple[Sequence[str], str]], words: OrgWords) -> set[str]:
    """The orgs that have another one's name in this place."""
    return {org for pattern, org in bound if words.owner(place, place.word_in(pattern)) not in (None, org)}


def _trie_of(patterns: Iterable[str]) -> TopicTrie[None]:
    trie: TopicTrie[None] = TopicTrie()
    for pattern in patterns:
        trie.add(pattern, None)
    return trie
