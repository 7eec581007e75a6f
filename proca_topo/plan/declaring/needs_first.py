"""What needs other things comes after them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
V = TypeVar("V")


def needs_first(roots: Iterable[T], needs: Callable[[T], Iterable[T]]) -> list[tuple[T, ...]]:
    """The roots and everything that they need, at any distance, each after what it needs.

    What needs each other in a circle is one group. (Tarjan's algorithm, without recursion: what leads to what in a
    vhost can be deeper than Python's stack.)
    """
    search = _Search(needs)
    for root in roots:
        search.visit(root)
    return search.groups


def handed_on(
    groups: Iterable[Sequence[T]],
    needs: Callable[[T], Iterable[T]],
    own: Callable[[T], V | None],
    choose: Callable[[Sequence[V]], V],
) -> dict[T, V]:
    """For each in groups that come after what they need: what it has of its own, or what it needs has, at any
    distance. `choose` is asked where that is more than one thing.
    """
    found: dict[T, V] = {}
    for group in groups:
        had = [value for one in group if (value := own(one)) is not None]
        had += [found[needed] for one in group for needed in needs(one) if needed in found]
        if had:
            found.update(dict.fromkeys(group, choose(had)))
    return found


@dataclass
class _Search(Generic[T]):
    needs: Callable[[T], Iterable[T]]
    groups: list[tuple[T, ...]] = field(default_factory=list)
    _number: dict[T, int] = field(default_factory=dict)
    _lowest: dict[T, int] = field(default_factory=dict)
    _open: dict[T, None] = field(default_factory=dict)
    """Those that are in no group yet, in the order in which they were come upon."""
    _path: list[tuple[T, Iterator[T]]] = field(default_factory=list)

    def visit(self, root: T) -> None:
        if root in self._number:
            return
        self._enter(root)
        while self._path:
            one, rest = self._path[-1]
            needed = next((other for other in rest if other not in self._number or other in self._open), None)
            if needed is None:
                self._leave(one)
            elif needed in self._number:
                self._lowest[one] = min(self._lowest[one], self._number[needed])
            else:
                self._enter(needed)

    def _enter(self, one: T) -> None:
        self._number[one] = self._lowest[one] = len(self._number)
        self._open[one] = None
        self._path.append((one, iter(self.needs(one))))

    def _leave(self, one: T) -> None:
        self._path.pop()
        if self._path:
            above = self._path[-1][0]
            self._lowest[above] = min(self._lowest[above], self._lowest[one])
        if self._lowest[one] != self._number[one]:
            return
        group = [self._open.popitem()[0]]
        while group[-1] != one:
            group.append(self._open.popitem()[0])
        self.groups.append(tuple(group))
