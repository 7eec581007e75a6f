"""Which routing keys a topic pattern lets through, and how patterns compare. `*` is one word, `#` any number.

Words are what stands between dots; a word may be empty. The empty key has none, as in RabbitMQ.
"""

from typing import Final

ONE_WORD: Final = "*"
ANY_WORDS: Final = "#"


def words_of(key: str) -> list[str]:
    """The words of a routing key or of a pattern."""
    return key.split(".") if key else []


def topic_matches(pattern: str, key: str) -> bool:
    """Whether a topic exchange routes `key` by a binding with `pattern`."""
    words = words_of(key)
    # The positions in the key up to which the pattern, as far as it is read, can have matched.
    reached = {0}
    for part in words_of(pattern):
        match part:
            case "#":
                reached = set(range(min(reached), len(words) + 1))
            case "*":
                reached = {position + 1 for position in reached if position < len(words)}
            case _:
                reached = {p + 1 for p in reached if p < len(words) and words[p] == part}
        if not reached:
            return False
    return len(words) in reached


def is_single_key(pattern: str) -> bool:
    """Whether a pattern lets through one key only, itself."""
    return not {ONE_WORD, ANY_WORDS} & set(words_of(pattern))


def covers(wide: str, narrow: str) -> bool:
    """Whether `wide` lets through every key that `narrow` does.

    The words that a wildcard of `narrow` stands for are as many as one likes, so some are in no pattern: it is
    enough to try those, and for `#` none of them, one, two, until nothing new comes.
    """
    parts = words_of(wide)
    possible = {_resting(parts, {0})}
    for word in words_of(narrow):
        if word == ANY_WORDS:
            todo = set(possible)
            while todo:
                todo = {_step(parts, positions, None) for positions in todo} - possible
                possible |= todo
        else:
            taken = None if word == ONE_WORD else word
            possible = {_step(parts, positions, taken) for positions in possible}
    return all(len(parts) in positions for positions in possible)


def overlap(one: str, other: str) -> bool:
    """Whether some key is let through by both patterns."""
    left, right = words_of(one), words_of(other)
    todo, seen = [(0, 0)], {(0, 0)}
    while todo:
        i, j = todo.pop()
        if (i, j) == (len(left), len(right)):
            return True
        ahead = _ahead(left[i] if i < len(left) else None, right[j] if j < len(right) else None)
        new = {(i + step, j + other_step) for step, other_step in ahead} - seen
        seen |= new
        todo += new
    return False


def _ahead(left: str | None, right: str | None) -> set[tuple[int, int]]:
    """How far two patterns can be read on together, with one word or, for `#`, with none."""
    steps = set()
    if left == ANY_WORDS:
        steps |= {(1, 0)} | ({(0, 1)} if right is not None else set())
    if right == ANY_WORDS:
        steps |= {(0, 1)} | ({(1, 0)} if left is not None else set())
    if left is not None and right is not None and (left == right or {left, right} & {ONE_WORD}):
        steps.add((1, 1))
    return steps


def _resting(parts: list[str], positions: set[int]) -> frozenset[int]:
    """The positions, and those behind a `#` that takes no words."""
    resting = set(positions)
    for position in sorted(positions):
        here = position
        while here < len(parts) and parts[here] == ANY_WORDS:
            here += 1
            resting.add(here)
    return frozenset(resting)


def _step(parts: list[str], positions: frozenset[int], word: str | None) -> frozenset[int]:
    """The positions after one more word; None is a word that no pattern names."""
    after = set()
    for position in positions:
        if position == len(parts):
            continue
        part = parts[position]
        if part == ANY_WORDS:
            after.add(position)
        elif part in (ONE_WORD, word):
            after.add(position + 1)
    return _resting(parts, after)
