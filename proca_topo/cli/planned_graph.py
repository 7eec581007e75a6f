"""A plan in a file, for a picture of it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from proca_topo.errors import FileError, UsageError
from proca_topo.topology.names import shown

if TYPE_CHECKING:
    from proca_topo.render.graph.html import PlannedObject


def overlay(file: Path) -> "tuple[PlannedObject, ...]":
    """The changes in a file that `plan --format json` or `plan --out` has written. Raises UsageError."""
    from pydantic import ValidationError

    from proca_topo.render.documents import PlanDocument, SavedPlanDocument
    from proca_topo.render.graph.html import PlannedObject

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown(str(file))} is no plan: it is not UTF-8") from error
    except OSError as error:
        raise FileError(f"cannot read {shown(str(file))}: {error.strerror}") from error
    try:
        content = json.loads(text)
        kind = SavedPlanDocument if isinstance(content, dict) and "as_desired" in content else PlanDocument
        plan = kind.model_validate_json(text)
    except (ValueError, RecursionError, ValidationError) as error:
        raise UsageError(
            f"{shown(str(file))} is no plan that plan --format json or plan --out has written"
        ) from error
    return tuple(
        PlannedObject(
            action=change.action.value,
            kind=change.kind.value,
            name=change.name,
            held_back=change.held_back is not None,
            object=change.object,
        )
        for change in plan.changes
    )
