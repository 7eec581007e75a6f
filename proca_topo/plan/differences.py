"""Which fields of two versions of one object differ."""

from dataclasses import fields
from typing import Any

from proca_topo.plan.changes import Difference
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Exchange, Policy, Queue


def differences(before: Exchange | Queue | Policy, after: Exchange | Queue | Policy) -> tuple[Difference, ...]:
    """Field by field, arguments one by one, sorted by path.

    Only ever called on objects that are known to differ: loading deepdiff costs more than a whole plan without
    differences.
    """
    from deepdiff import DeepDiff

    tree = DeepDiff(
        _as_tables(before), _as_tables(after), view="tree", verbose_level=2, ignore_private_variables=False
    )
    found = [
        Difference(
            path=".".join(str(step) for step in level.path(output_format="list")),
            before=_value(level.t1),
            after=_value(level.t2),
        )
        for levels in tree.values()
        for level in levels
    ]
    return tuple(sorted(found, key=lambda difference: difference.path))


def _as_tables(noun: Exchange | Queue | Policy) -> dict[str, Any]:
    return {
        field.name.replace("_", "-"): value.to_dict() if isinstance(value, Arguments) else value
        for field in fields(noun)
        if (value := getattr(noun, field.name)) is not None or field.name == "type"
    }


def _value(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """DeepDiff marks an absent side with an object of its own."""
    return value if isinstance(value, (bool, int, float, str, list, dict)) else None
