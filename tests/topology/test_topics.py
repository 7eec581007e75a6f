"""Topic patterns: what they let through, and how they compare."""

from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proca_topo.topology.routing.topic_trie import TopicTrie
from proca_topo.topology.routing.topics import covers, is_single_key, overlap, topic_matches

# Few words, so that patterns and keys meet; the empty word and the wildcards as words of a key are among them.
PATTERNS: Final = st.lists(st.sampled_from(["a", "b", "", "*", "#"]), max_size=5).map(".".join)
KEYS: Final = st.lists(st.sampled_from(["a", "b", "c", "", "*", "#"]), max_size=6).map(".".join)
# "c" is in no pattern and stands for every word that is not.
ALL_KEYS: Final = [".".join(words) for length in range(6) for words in product("abc", repeat=length)]
WITHOUT_EMPTY_WORDS: Final = st.lists(st.sampled_from(["a", "b", "*", "#"]), max_size=3).map(".".join)


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        ("", "", True),
        ("", "a", False),
        ("#", "", True),
        ("*", "", False),
        ("*.*", ".", True),
        ("a.#.b", "a.b", True),
        ("a.#.b", "a.x.y.b", True),
        ("#.a.#", "b.a", True),
        ("#.#", "", True),
        ("*.#.*", "a", False),
        ("a.*", "a.", True),
        ("a", "A", False),
    ],
)
def test_a_pattern_lets_a_key_through(pattern: str, key: str, *, expected: bool) -> None:
    assert topic_matches(pattern, key) is expected


@given(st.lists(PATTERNS, max_size=30), KEYS)
def test_the_trie_finds_what_each_pattern_by_itself_lets_through(patterns: list[str], key: str) -> None:
    trie: TopicTrie[int] = TopicTrie()
    for number, pattern in enumerate(patterns):
        trie.add(pattern, number)
    expected = [number for number, pattern in enumerate(patterns) if topic_matches(pattern, key)]
    assert sorted(trie.matching(key)) == expected


def test_many_wildcards_in_a_row_do_not_multiply_the_work() -> None:
    trie: TopicTrie[str] = TopicTrie()
    trie.add(".".join(["#", "a"] * 30), "deep")
    assert trie.matching(".".join("a" * 60)) == ["deep"]
    assert trie.matching(".".join("a" * 29)) == []


@given(WITHOUT_EMPTY_WORDS, WITHOUT_EMPTY_WORDS)
def test_a_pattern_covers_another_if_it_lets_through_all_its_keys(wide: str, narrow: str) -> None:
    every = all(topic_matches(wide, key) for key in ALL_KEYS if topic_matches(narrow, key))
    assert covers(wide, narrow) is every


@given(WITHOUT_EMPTY_WORDS, WITHOUT_EMPTY_WORDS)
def test_patterns_overlap_if_they_share_a_key(one: str, other: str) -> None:
    some = any(topic_matches(one, key) and topic_matches(other, key) for key in ALL_KEYS)
    assert overlap(one, other) is some


@given(WITHOUT_EMPTY_WORDS)
def test_a_single_key_is_a_pattern_without_wildcards(pattern: str) -> None:
    assert is_single_key(pattern) is (
        sum(topic_matches(pattern, key) for key in ALL_KEYS) == 1 and not (set(pattern.split(".")) & {"*", "#"})
    )


@given(st.lists(WITHOUT_EMPTY_WORDS, max_size=12), WITHOUT_EMPTY_WORDS)
def test_a_pattern_shares_a_key_with_each_that_it_overlaps(patterns: list[str], pattern: str) -> None:
    trie: TopicTrie[str] = TopicTrie()
    for one in patterns:
        trie.add(one, one)
    shared = list(trie.shared_with(pattern))
    assert all(topic_matches(pattern, key) for key in shared)
    found = {one for key in shared for one in trie.matching(key)}
    assert found == {one for one in patterns if overlap(one, pattern)}
