"""A regular expression as the states that read it, for telling whether it can be read in two ways."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from re import _compiler, _parser  # type: ignore[attr-defined]  # only it takes one apart as Python does
from typing import Any, Final

_COPIES: Final = 64

_Pair = tuple[int, int]


def reads_in_two_ways(pattern: str | bytes) -> bool:
    """Whether a repeat in a valid expression can read some characters in two ways and is then where it was."""
    tree = _parser.parse(pattern)
    automaton = _Automaton(tree.state, isinstance(pattern, bytes), sorted(set(range(256)).union(_codes(tree))))
    automaton.read(tree, 0)
    return automaton.is_ambiguous()


def _codes(tree: Any) -> Iterator[int]:  # noqa: ANN401 - the nodes of `re` have no types
    """The characters that stand in an expression (and other numbers, which do no harm)."""
    for node in tree:
        if isinstance(node, int) and 0 <= node <= 0x10FFFF:  # noqa: PLR2004 - the last of Unicode
            yield int(node)
        elif isinstance(node, (tuple, list, _parser.SubPattern)):
            yield from _codes(node)


@dataclass(frozen=True, slots=True)
class _Ends:
    """The states in which a part of an expression can begin and end, and whether it can be empty."""

    first: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    empty: bool = True


@dataclass(slots=True)
class _Automaton:
    """An expression as Glushkov has it: a state for each place that reads a character, and what follows."""

    parsed: Any
    of_bytes: bool
    codes: list[int]
    reads: list[frozenset[int]] = field(default_factory=list)
    steps: Counter[_Pair] = field(default_factory=Counter)

    def read(self, items: Iterable[Any], flags: int) -> _Ends:
        """Add what is one after the other."""
        whole = _Ends()
        for item in items:
            whole = self._then(whole, self._read_one(item, flags))
        return whole

    def is_ambiguous(self) -> bool:
        """Whether two ways lead from some state back to it by the same characters."""
        after: dict[int, list[int]] = {}
        for state, following in self.steps:
            after.setdefault(state, []).append(following)

        def followed_by(pair: _Pair) -> Iterator[_Pair]:
            for one in after.get(pair[0], ()):
                yield from ((one, two) for two in after.get(pair[1], ()) if self.reads[one] & self.reads[two])

        def reached(pair: _Pair) -> set[_Pair]:
            found: set[_Pair] = set()
            open_ones = [pair]
            while open_ones:
                new = set(followed_by(open_ones.pop())) - found
                found |= new
                open_ones += new
            return found

        for state in after:
            both = reached((state, state))
            if any(one != two and (state, state) in reached((one, two)) for one, two in both):
                return True
        return any(times > 1 and (one, one) in reached((two, two)) for (one, two), times in self.steps.items())

    def _read_one(self, item: Any, flags: int) -> _Ends:  # noqa: ANN401, PLR0911 - a node of `re`; a table
        kind, what = str(item[0]), item[1]
        match kind:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self._state(self._codes_of(item, flags))
            case "SUBPATTERN":
                return self.read(what[3], (flags | what[1]) & ~what[2])
            case "ATOMIC_GROUP":
                return self.read(what, flags)
            case "BRANCH":
                return _either([self.read(one, flags) for one in what[1]])
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                return self._repeated(what[0], what[1], what[2], flags)
            case "GROUPREF":
                any_text = self._state(frozenset(self.codes))
                self._follow(any_text.last, any_text.first)
                return _Ends(any_text.first, any_text.last)
            case "GROUPREF_EXISTS":
                return _either([self.read(one or (), flags) for one in what[1:]])
            case _:  # what looks around
                return _Ends()

    def _repeated(self, least: int, most: int, tree: Any, flags: int) -> _Ends:  # noqa: ANN401 - nodes of `re`
        shortest, longest = tree.getwidth()
        if least == most and shortest == longest and most * longest <= _COPIES:
            return self.read([node for _ in range(least) for node in tree], flags)
        one = self.read(tree, flags)
        if most > 1:
            self._follow(one.last, one.first)
        return _Ends(one.first, one.last, one.empty or least == 0)

    def _then(self, before: _Ends, after: _Ends) -> _Ends:
        self._follow(before.last, after.first)
        return _Ends(
            before.first + after.first if before.empty else before.first,
            before.last + after.last if after.empty else after.last,
            before.empty and after.empty,
        )

    def _follow(self, states: Iterable[int], following: Iterable[int]) -> None:
        following = tuple(following)
        self.steps.update((one, two) for one in states for two in following)

    def _state(self, codes: frozenset[int]) -> _Ends:
        self.reads.append(codes)
        here = (len(self.reads) - 1,)
        return _Ends(here, here, empty=False)

    def _codes_of(self, item: Any, flags: int) -> frozenset[int]:  # noqa: ANN401 - a node of `re`
        regex = _compiler.compile(_parser.SubPattern(self.parsed, [item]), flags)
        if self.of_bytes:
            return frozenset(code for code in self.codes if code < 256 and regex.fullmatch(bytes([code])))  # noqa: PLR2004
        return frozenset(code for code in self.codes if regex.fullmatch(chr(code)))


def _either(ways: Iterable[_Ends]) -> _Ends:
    ways = tuple(ways)
    return _Ends(
        tuple(state for way in ways for state in way.first),
        tuple(state for way in ways for state in way.last),
        any(way.empty for way in ways),
    )
