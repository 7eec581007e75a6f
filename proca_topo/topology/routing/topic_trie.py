"""The bindings of a topic exchange, found by the words of a key."""

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
