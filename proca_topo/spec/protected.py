"""`protect`: names whose objects no plan deletes, replaces or retires."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from proca_topo.spec.documents import TopologyDoc
from proca_topo.spec.owned import wrong_with_entry
from proca_topo.spec.placeholders import names_in, regex_of_glob
from proca_topo.spec.problems import Problem, Where, places
from proca_topo.topology.protection import ProtectedPattern, Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedEntry:
    """An entry of `protect`, and where it stands."""

    text: str
    regex: str
    where: Where


def protected(
    doc: TopologyDoc, patterns: Mapping[str, str], file: str, problems: list[Problem]
) -> tuple[ProtectedEntry, ...]:
    """The entries; those that are wrong are reported and left out."""
    found = []
    for index, text in enumerate(doc.protect):
        where = Where(file=file).at("protect", index)
        if (wrong := wrong_with_entry(text, patterns)) is not None:
            problems.append(Problem(where=where, text=wrong, depends=bool(names_in(text))))
        else:
            found.append(ProtectedEntry(text=text, regex=regex_of_glob(text, patterns), where=where))
    return tuple(found)


def protection(entries: Sequence[ProtectedEntry], text_of: Callable[[str], str | None]) -> Protection:
    """What the entries protect, each with its line and column: `text_of` gives a file's text again."""
    found = zip(entries, places([entry.where for entry in entries], text_of), strict=True)
    return Protection(
        patterns=tuple(ProtectedPattern(text=entry.text, regex=entry.regex, place=place) for entry, place in found)
    )
