"""What is wrong in a spec, and where."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from proca_topo.spec.positions import NO_TREE, Tree, tree_of
from proca_topo.topology.names import shown

Path = tuple[str | int, ...]

MAX_LISTED: Final = 12
# From here on what looks like a misspelling is taken for one, though it could be another team's name.
_SURELY_MISSPELT: Final = 0.85


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """A place in a file by its key path: the value there, or (`on_key`) the key itself."""

    file: str
    path: Path = ()
    on_key: bool = False

    def at(self, *steps: str | int) -> "Where":
        """The value further inside."""
        return Where(file=self.file, path=(*self.path, *steps))

    def key(self, *steps: str | int) -> "Where":
        """The key further inside."""
        return Where(file=self.file, path=(*self.path, *steps), on_key=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a file that the YAML reader has told: line and column from 1."""

    file: str
    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong, in words that say what would be right.

    `other` is a second place that has to do with it, introduced by `other_is`. `quote` asks for the advice to
    put what stands there into quotes, which only the file's own text can tell how to spell. `depends` says that it
    is one because of what else there is, or is not: it may be none where some of that could not be read.
    """

    where: Where | Position
    text: str
    other: Where | None = None
    other_is: str = "the other one is at"
    quote: bool = False
    depends: bool = False


def nearest(name: str, known: Collection[str], otherwise: str = "") -> str:
    """`; did you mean X?` if something known is spelled like `name`, else what there is to choose from."""
    close = get_close_matches(name, sorted(known), n=1)
    if close:
        return f"; did you mean {shown(close[0])}?"
    if known and len(known) <= MAX_LISTED:
        return f"; known here: {', '.join(shown(one) for one in sorted(known))}"
    return otherwise


def misspelt(name: str, known: Collection[str]) -> str | None:
    """The known name that `name` almost surely stands for, if there is one."""
    return next(iter(get_close_matches(name, sorted(known), n=1, cutoff=_SURELY_MISSPELT)), None)


def places(wheres: Iterable[Where], text_of: Callable[[str], str | None]) -> tuple[str, ...]:
    """Every place as `file:line:column`; `text_of` as for `in_words`."""
    trees: dict[str, Tree] = {}
    found = (_placed(where, trees, text_of) for where in wheres)
    return tuple(f"{file}:{line}:{column}" for file, line, column, _ in found)


def in_words(problems: Iterable[Problem], text_of: Callable[[str], str | None]) -> tuple[str, ...]:
    """Every problem as `file:line:column: text`, sorted by place, each once.

    `text_of` gives a file's text again, None if it cannot be had: then its problems are at 1:1.
    """
    trees: dict[str, Tree] = {}

    found: set[tuple[str, int, int, str]] = set()
    told_by_yaml: set[tuple[str, int, int]] = set()
    for problem in sorted(problems, key=lambda one: isinstance(one.where, Where)):
        file, line, column, scalar = _placed(problem.where, trees, text_of)
        if isinstance(problem.where, Position):
            told_by_yaml.add((file, line, column))
        elif (file, line, column) in told_by_yaml:
            continue  # what YAML makes of it is the cause
        text = problem.text
        if problem.quote and scalar is not None:
            text += f'; put it in quotes: "{scalar}"' if scalar else '; for an empty text write ""'
        if problem.other is not None:
            other_file, other_line, other_column, _ = _placed(problem.other, trees, text_of)
            text += f" ({problem.other_is} {shown(other_file)}:{other_line}:{other_column})"
        found.add((file, line, column, text))
    return tuple(f"{shown(file)}:{line}:{column}: {text}" for file, line, column, text in sorted(found))


def _placed(
    where: Where | Position, trees: dict[str, Tree], text_of: Callable[[str], str | None]
) -> tuple[str, int, int, str | None]:
    """File, line and column, and the plain text that stands there. `trees` are the files read so far."""
    if isinstance(where, Position):
        return where.file, where.line, where.column, None
    if where.file not in trees:
        text = text_of(where.file)
        trees[where.file] = NO_TREE if text is None else tree_of(text)
    return (where.file, *trees[where.file].find(where.path, on_key=where.on_key))
