"""Documents whose form is wrong, mended so far that the rest of them can be read.

All that is wrong with a spec is told at once. So what has the wrong form is cut out, and what is left is read as
if it were the whole; then what may be no more than a consequence of the cut is not told.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from proca_topo.spec.documents import SPEC_VERSION, TopologyDoc
from proca_topo.spec.files import TOPOLOGY
from proca_topo.spec.parts import Document
from proca_topo.spec.problems import Path, Problem, Where

D = TypeVar("D", bound=Document)

_ORG: Final = "org"
# What keeps the name of something whose description is wrong, so that what refers to it does so rightly.
_STAND_INS: Final[Mapping[str, Any]] = {
    "exchanges": {"type": "topic"},
    "queues": {},
    "retry": {"delay": 1000},
    "options": {},
    "vars": ".+",
}
# Without these nothing refers to anything, or everything is somebody else's.
_SAY_WHAT_THERE_IS: Final = frozenset(
    {"exchanges", "retry", "queues", "owns", "ignore", "options", "vars", "name", _ORG}
)
_SAY_IT_ITEM_BY_ITEM: Final = frozenset({"retry", "owns", "ignore"})
_EVERYTHING: Final = ["*"]
_SETTINGS: Final = frozenset({"options", "vars", "name"})


@dataclass(slots=True, kw_only=True)
class Damage:
    """What could not be read of a file. `places` are where something was cut out or put in.

    `hides_names` says that names may be declared there, or owned or ignored; `hides_settings` that the template's
    or an org's options and variables are not all known.
    """

    data: Any = None
    places: set[Path] = field(default_factory=set)
    _elements: set[Path] = field(default_factory=set)
    hides_names: bool = False
    hides_settings: bool = False

    def note(self, place: Path) -> None:
        """Note that something was cut out or put in there."""
        self.places.add(place)
        self._elements.add(_element(place))

    def may_cause(self, where: Where, *, of_surroundings: bool) -> bool:
        """Whether a problem there may come of this; `of_surroundings` if it depends on what stands around it."""
        path = self.written(where.path)
        inside = any(path[:length] in self.places for length in range(len(path) + 1))
        return inside or (of_surroundings and self.touches(where))

    def touches(self, where: Where) -> bool:
        """Whether something was cut out of the queue, exchange, binding… in which this place is."""
        return _element(self.written(where.path)) in self._elements

    def written(self, path: Path) -> Path:
        """Where in the file something stands that is at `path` in what was read."""
        here, found = self.data, list[str | int]()
        for step in path:
            known = isinstance(here, _Items) and isinstance(step, int) and step < len(here)
            found.append(here.written[step] if known else step)
            here = here[step] if known or (isinstance(here, dict) and step in here) else None
        return tuple(found)


Damages = dict[str, Damage]


class _Items(list[Any]):
    """A list that knows where in the file its items stand."""

    def __init__(self, items: Iterable[Any]) -> None:
        super().__init__(items)
        self.written = list(range(len(self)))

    def cut(self, index: int) -> None:
        del self[index], self.written[index]


def mended(kind: type[D], data: object, *, flawed: bool = False) -> tuple[D, Damage]:
    """`data` as a document of this kind without what has the wrong form, and what was cut out.

    `flawed` says that it is wrong as YAML too, where nobody knows what is missing.
    """
    damage = Damage(data=_copy(data) if isinstance(data, dict) else {}, hides_names=flawed, hides_settings=flawed)
    if not isinstance(data, dict):
        _note(damage, kind, (), is_key=False)
    while True:
        try:
            return kind.model_validate(damage.data), damage
        except ValidationError as error:
            _mend(damage, kind, error.errors(include_url=False))


def surviving(problems: Iterable[Problem], damages: Damages) -> Iterator[Problem]:
    """Those of `problems` that are no consequences of damages, at the places where they stand in the files."""
    if not damages:
        yield from problems
        return
    for problem in problems:
        if not isinstance(problem.where, Where):
            yield problem
            continue
        if problem.depends and any(
            damages[one].hides_names for one in (TOPOLOGY, problem.where.file) if one in damages
        ):
            continue
        here = damages.get(problem.where.file)
        if here is not None and here.may_cause(problem.where, of_surroundings=problem.depends):
            continue
        # Two things that do not go together may, once the one that is wrong is right.
        if problem.other is not None and any(
            one.file in damages and damages[one.file].touches(one) for one in (problem.where, problem.other)
        ):
            continue
        yield replace(
            problem,
            where=_as_written(problem.where, damages),
            other=None if problem.other is None else _as_written(problem.other, damages),
        )


def _as_written(where: Where, damages: Damages) -> Where:
    damage = damages.get(where.file)
    return where if damage is None else replace(where, path=damage.written(where.path))


def _mend(damage: Damage, kind: type[Document], errors: Iterable[ErrorDetails]) -> None:
    """Cut out what these errors are about, or put in what stands for it."""
    cuts: set[Path] = set()
    for error in errors:
        path = error["loc"]
        _note(damage, kind, damage.written(path), is_key=error["type"] == "extra_forbidden")
        if error["type"] != "missing":
            cuts.add(_whole_list(_there(damage.data, path)))
        elif not _put_in(damage.data, kind, path):
            cuts.add(path[:-1])
            damage.note(damage.written(path[:-1]))
    if kind is TopologyDoc and any(path[:1] == ("owns",) for path in cuts):
        damage.data["owns"] = _EVERYTHING
        cuts = {path for path in cuts if path[:1] != ("owns",)}
    # From the back, for an item that is cut moves those behind it.
    for path in sorted(cuts, reverse=True):
        if path == ():
            damage.data = {}
            _note(damage, kind, (), is_key=False)
        elif not any(path[:length] in cuts for length in range(len(path))):
            _cut(damage.data, kind, path)


def _put_in(data: Any, kind: type[Document], path: Path) -> bool:  # noqa: ANN401 - any YAML value
    """Put something into the place of a key that is missing; False if nothing can stand there."""
    element, absent = path[:-1], str(path[-1])
    stand_in = _stand_in(kind, element) if element else {"topology": SPEC_VERSION, "owns": _EVERYTHING}
    there = _at(data, element)
    if not isinstance(stand_in, dict) or not isinstance(there, dict) or absent not in stand_in:
        return False
    there[absent] = stand_in[absent]
    return True


def _cut(data: Any, kind: type[Document], path: Path) -> None:  # noqa: ANN401 - any YAML value
    around, last, stand_in = _at(data, path[:-1]), path[-1], _stand_in(kind, path)
    match around:
        case _Items() if isinstance(last, int):
            around.cut(last)
        case dict() if stand_in is not None and stand_in != around[last] and "retry" not in path[:-1]:
            around[last] = _copy(stand_in)
        case dict():
            del around[last]


def _whole_list(path: Path) -> Path:
    """The list instead of its item, unless its items are elements or bindings: each of those speaks for itself."""
    for length, step in enumerate(path):
        if isinstance(step, int) and path[length - 1] != "bindings" and path[:length] != _element(path)[:length]:
            return path[:length]
    return path


def _there(data: Any, path: Path) -> Path:  # noqa: ANN401 - any YAML value
    """As much of a path as is there: an error can be about a part of a value that is none in YAML."""
    for length, step in enumerate(path):
        around = _at(data, path[:length])
        inside = step in around if isinstance(around, dict) else isinstance(step, int) and step < len(around or ())
        if not inside:
            return path[:length]
    return path


def _stand_in(kind: type[Document], path: Path) -> Any:  # noqa: ANN401 - any YAML value
    """What can stand for the element at this path; None if it is no element, or nothing can."""
    inside = _inside_org(kind, path)
    if len(inside) != len(("queues", "name")) or (kind is not TopologyDoc and inside[0] != "queues"):
        return None
    return _STAND_INS.get(str(inside[0]))


def _note(damage: Damage, kind: type[Document], path: Path, *, is_key: bool) -> None:
    """Note that something is wrong at `path` as it is written; `is_key` if a key there is not known."""
    damage.note(path)
    inside = _inside_org(kind, path)
    whole_section = len(inside) == 1 and (is_key or inside[0] in _SAY_WHAT_THERE_IS)
    damage.hides_names |= not inside or whole_section or inside[0] in _SAY_IT_ITEM_BY_ITEM
    of_orgs = kind is not TopologyDoc or path[:1] == (_ORG,)
    is_template = not inside or (len(path) == 1 and is_key and _ORG not in damage.data)
    damage.hides_settings |= is_template or (of_orgs and ((len(inside) == 1 and is_key) or inside[0] in _SETTINGS))


def _inside_org(kind: type[Document], path: Path) -> Path:
    return path[1:] if kind is TopologyDoc and path[:1] == (_ORG,) else path


def _element(path: Path) -> Path:
    """The path of the queue, exchange, binding… in which `path` is."""
    return path[: 3 if path[:1] == (_ORG,) else 2]


def _at(data: Any, path: Path) -> Any:  # noqa: ANN401 - any YAML value
    for step in path:
        if isinstance(data, dict):
            data = data.get(str(step))
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            data = data[step]
        else:
            return None
    return data


def _copy(value: Any) -> Any:  # noqa: ANN401 - any YAML value
    match value:
        case dict():
            return {key: _copy(item) for key, item in value.items()}
        case list():
            return _Items(_copy(item) for item in value)
        case _:
            return value
