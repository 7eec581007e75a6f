"""Documents as JSON text."""

import json
from typing import Any

from pydantic import BaseModel


def json_text(document: BaseModel, *, one_a_line: str) -> str:
    """The document, its list `one_a_line` with one item a line: fit for `grep` and `diff`, and quick to write.

    Pure ASCII: a name must not be able to move a terminal's cursor, and JSON leaves some of that unescaped.
    """
    fields: dict[str, Any] = document.model_dump(mode="json")
    parts = [
        f"  {json.dumps(name)}: {_lines(field) if name == one_a_line and field else json.dumps(field)}"
        for name, field in fields.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _lines(items: list[Any]) -> str:
    return "[\n" + ",\n".join(f"    {json.dumps(item)}" for item in items) + "\n  ]"
