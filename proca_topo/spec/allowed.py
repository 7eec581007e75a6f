"""What the spec allows: rules that may be broken where they are, each with the reason."""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel

from proca_topo.rules.codes import CODES, NEVER_ALLOWED
from proca_topo.spec.problems import Problem, Where, nearest
from proca_topo.topology.names import shown


def allowed_in(document: BaseModel, where: Where) -> Iterator[tuple[Where, Mapping[str, str]]]:
    """Every element of a document that allows something: its place, and the reasons by the codes of rules."""
    if allow := getattr(document, "allow", None):
        yield where, allow
    fields = type(document).model_fields
    for name in document.model_fields_set:
        if isinstance(value := getattr(document, name), (BaseModel, dict, list)):
            yield from _inside(value, where.at(fields[name].alias or name))


def check_allowed(document: BaseModel, where: Where, problems: list[Problem]) -> None:
    """Note codes that no rule has, or one that cannot be allowed."""
    for place, allow in allowed_in(document, where):
        problems.extend(
            Problem(where=place.key("allow", code), text=_why_not(code)) for code in allow if code not in CODES
        )


def _why_not(code: str) -> str:
    if code in NEVER_ALLOWED:
        return f"{code} cannot be allowed: RabbitMQ itself refuses what breaks it"
    return f"there is no rule {shown(code)}{nearest(code, CODES, '; docs/rules lists them')}"


def _inside(value: object, where: Where) -> Iterator[tuple[Where, Mapping[str, str]]]:
    match value:
        case BaseModel():
            yield from allowed_in(value, where)
        case dict():
            for key, item in value.items():
                yield from _inside(item, where.at(key))
        case list():
            for index, item in enumerate(value):
                yield from _inside(item, where.at(index))
        case _:
            pass
