"""A document's shape checked, and what pydantic says about it put into people's words."""

import types
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from proca_topo.spec.fields import NOTHING
from proca_topo.spec.parts import Document
from proca_topo.spec.problems import Problem, Where, nearest
from proca_topo.topology.names import NO_TEXT, shown

D = TypeVar("D", bound=Document)

_WANTED = {
    "bool_type": "true or false",
    "int_type": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def document(kind: type[D], data: object, file: str) -> tuple[D | None, list[Problem]]:
    """`data` as a document of this kind, or None and everything that is wrong with its shape."""
    try:
        return kind.model_validate({} if data is None else data), []
    except ValidationError as error:
        return None, [_problem(kind, details, file) for details in error.errors(include_url=False)]


def _problem(kind: type[Document], error: ErrorDetails, file: str) -> Problem:
    path = error["loc"]
    where = Where(file=file, path=path)
    match error["type"]:
        case "extra_forbidden":
            known = _keys_of(_model_at(kind, path[:-1]))
            key = str(path[-1])
            unknown = f"unknown key {shown(key) or NO_TEXT}{nearest(key, known)}"
            return Problem(where=Where(file=file, path=path, on_key=True), text=unknown)
        case "missing":
            missing = f"`{path[-1]}` is missing{_described(kind, path)}"
            return Problem(where=Where(file=file, path=path[:-1], on_key=True), text=missing)
        case "spec" | "spec_quote" as custom:
            text = str(error["ctx"]["text"])
            # An error about a whole mapping is a sentence of its own.
            whole = isinstance(error["input"], dict) and text.startswith(("a binding", "`"))
            return Problem(
                where=where, text=text if whole else f"{_called(path)} {text}", quote=custom == "spec_quote"
            )
        case "string_type":
            return Problem(
                where=where,
                text=f"{_called(path)} {_not_text(error['input'])}",
                quote=isinstance(error["input"], (bool, int, float)),
            )
        case other:
            return Problem(where=where, text=f"{_called(path)} {_wrong_value(kind, other, error)}")


def _wrong_value(kind: type[Document], error_type: str, error: ErrorDetails) -> str:
    given = error["input"]
    limits = error.get("ctx", {})
    match error_type:
        case "literal_error":
            return f"must be {_expected(limits)}{_close(given, limits)}"
        case "greater_than_equal":
            return f"must be at least {limits['ge']}, not {given}"
        case "less_than_equal":
            return f"must be at most {limits['le']}, not {given}"
        case "string_too_short" | "too_short":
            return f"must not be empty{_described(kind, error['loc'])}"
        case wanted if wanted in _WANTED:
            return f"must be {_WANTED[wanted]}, not {given if isinstance(given, float) else _found(given)}"
        case _:
            return f"is not right: {error['msg']}"


def _not_text(given: object) -> str:
    match given:
        case None:
            return NOTHING
        case dict():
            return "must be text, not a mapping; a text that starts with {…} needs quotes"
        case _:
            return f"must be text, not {_found(given)}"


def _called(path: tuple[str | int, ...]) -> str:
    """What to call the value at this path: its key; for an item of a list "an item of `key`"."""
    if not path:
        return "the file"
    if isinstance(path[-1], int):
        return f"an item of {_called(path[:-1])}"
    return f"`{shown(path[-1])}`"


def _found(value: object) -> str:
    match value:
        case bool():
            return "what YAML reads as true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "a list"
        case dict():
            return "a mapping"
        case _:
            return "nothing"


def _expected(context: dict[str, Any]) -> str:
    return str(context["expected"]).replace("'", "")


def _close(given: object, context: dict[str, Any]) -> str:
    known = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
    return nearest(given, known) if isinstance(given, str) and len(known) > 2 else ""  # noqa: PLR2004 - two need no help


def _described(kind: type[Document], path: tuple[str | int, ...]) -> str:
    model = _model_at(kind, path[:-1])
    for name, info in (model.model_fields if model is not None else {}).items():
        if _alias(name, info) == path[-1] and info.description is not None:
            return f": {info.description}"
    return ""


def _keys_of(model: type[BaseModel] | None) -> list[str]:
    return [] if model is None else [_alias(name, info) for name, info in model.model_fields.items()]


def _alias(name: str, info: FieldInfo) -> str:
    return info.alias or name


def _model_at(kind: type[BaseModel], path: tuple[str | int, ...]) -> type[BaseModel] | None:
    """The model whose mapping is at `path` in a document of this kind."""
    here: Any = kind
    for step in path:
        here = _plain(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            fields = {_alias(name, info): info.annotation for name, info in here.model_fields.items()}
            here = fields.get(str(step))
        else:
            here = get_args(here)[-1] if get_args(here) else None
    here = _plain(here)
    return here if isinstance(here, type) and issubclass(here, BaseModel) else None


def _plain(annotation: Any) -> Any:  # noqa: ANN401 - a type expression
    """A type expression without Annotated, and without alternatives that are no models."""
    while True:
        if hasattr(annotation, "__metadata__"):
            annotation = annotation.__origin__
        elif get_origin(annotation) in (Union, types.UnionType):
            members = [member for member in get_args(annotation) if member not in (type(None), str)]
            annotation = members[0] if members else None
        else:
            return annotation
