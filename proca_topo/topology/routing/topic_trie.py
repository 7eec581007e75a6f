"""The bindings of a topic exchange, found by the words of a key."""

from collections import deque
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

from proca_topo.topology.routing.topics import ANY_WORDS, ONE_WORD, words_of

T = TypeVar("T")

_WILDCARDS: Final = frozenset({ONE_WORD, ANY_WORDS})


class _Node(Generic[T]):
    """The patterns that begin alike; `values` are those of the pattern that ends here."""

    __slots__ = ("children", "values")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.values: list[T] = []


class TopicTrie(Generic[T]):
    """Values by pattern. A look-up costs what the key's words do, not what the patterns do."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, pattern: str, value: T) -> None:
        """Put a value under a pattern."""
        node = self._root
        for word in words_of(pattern):
            child = node.children.get(word)
            if child is None:
                child = node.children[word] = _Node()
            node = child
        node.values.append(value)

    def matching(self, key: str) -> list[T]:
        """The values of all patterns that let the key through, each once."""
        words = words_of(key)
        length = len(words)
        found: list[T] = []
        # Where the patterns are read up to, and the key: each such pair comes once. Behind a `#` the key may go on
        # from anywhere, so it is noted from which position on that has been done.
        todo: list[tuple[_Node[T], int]] = [(self._root, 0)]
        done_from: dict[_Node[T], int] = {}
        while todo:
            node, at = todo.pop()
            children = node.children
            if at == length:
                found += node.values
            elif children:
                word = words[at]
                child = children.get(word)
                if child is not None and word not in _WILDCARDS:
                    todo.append((child, at + 1))
                child = children.get(ONE_WORD)
                if child is not None:
                    todo.append((child, at + 1))
            if children and (child := children.get(ANY_WORDS)) is not None:
                end = done_from.get(child, length + 1)
                if at < end:
                    done_from[child] = at
                    todo += [(child, position) for position in range(at, end)]
        return found

    def shared_with(self, pattern: str) -> Iterator[str]:
        """Keys that `pattern` lets through and one in here does too: at least one for each such pattern in here.

        A wildcard as a word of such a key stands for any word that no pattern in here names: as in a key that was
        published so, only wildcards let it through.
        """
        wanted = words_of(pattern)
        # First come, first served: so what takes more words is found before what takes none.
        todo: deque[tuple[_Node[T], bool, int, tuple[str, ...]]] = deque([(self._root, False, 0, ())])
        seen: set[tuple[_Node[T], int]] = {(self._root, 0)}
        while todo:
            node, takes_any, at, key = todo.popleft()
            # One empty word is no key: what is written so has no word at all.
            if at == len(wanted) and node.values and key != ("",):
                yield ".".join(key)
            for step in _steps(node, wanted[at] if at < len(wanted) else None, takes_any=takes_any):
                child, child_takes_any, forward, word = step
                state = (child, at + forward)
                if state not in seen:
                    seen.add(state)
                    todo.append((child, child_takes_any, at + forward, key if word is None else (*key, word)))


def _steps(
    node: _Node[T], word: str | None, *, takes_any: bool
) -> Iterator[tuple[_Node[T], bool, int, str | None]]:
    """How a node and the next word of a pattern can be read on together.

    Each step is the next node, whether that one stands behind a `#`, how far the pattern is read on, and the word
    that the key gets. `takes_any` says that this node stands behind a `#`, which can take more words.
    """
    children = node.children
    if ANY_WORDS in children:
        yield children[ANY_WORDS], True, 0, None
    match word:
        case None:
            return
        case "#":
            # Where both take any words, so does the key; otherwise these are the other one's.
            yield node, takes_any, 1, ANY_WORDS if takes_any else None
            yield from ((child, False, 0, name) for name, child in children.items() if name != ANY_WORDS)
        case "*":
            yield from ((child, False, 1, name) for name, child in children.items() if name != ANY_WORDS)
        case _:
            yield from ((children[name], False, 1, word) for name in (word, ONE_WORD) if name in children)
    if takes_any and word != ANY_WORDS:
        yield node, True, 1, word
