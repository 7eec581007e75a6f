"""What is wrong in a spec as SARIF 2.1.0, the format of code scanning."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from proca_topo import version
from proca_topo.render.findings_text import message
from proca_topo.render.validation import code_in, problem
from proca_topo.rules.registry import RULES
from proca_topo.spec.findings import PlacedFinding

_SPEC: Final = "spec"


def findings_sarif(found: Iterable[PlacedFinding], directory: Path) -> str:
    """Every finding; what the spec allows is suppressed, with its reason."""
    return _document([_result(one, directory) for one in found])


def problems_sarif(problems: Iterable[str], directory: Path) -> str:
    """The same for what makes a spec invalid."""
    results = []
    for text in problems:
        told = problem(text)
        result: dict[str, Any] = {
            "ruleId": code_in(text) or _SPEC,
            "level": "error",
            "message": {"text": told["message"]},
        }
        if told["file"] is not None:
            result["locations"] = [_location(directory / told["file"], told["line"], told["column"])]
        results.append(result)
    return _document(results)


def _result(one: PlacedFinding, directory: Path) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": one.code,
        "level": one.severity.value,
        "message": {"text": message(one)},
        "locations": [_location(directory / one.file, one.line, one.column)],
    }
    if one.reason is not None:
        result["suppressions"] = [{"kind": "inSource", "justification": one.reason}]
    return result


def _location(path: Path, line: int, column: int) -> dict[str, Any]:
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": quote(path.as_posix())},
            "region": {"startLine": line, "startColumn": column},
        }
    }


def _document(results: Sequence[dict[str, Any]]) -> str:
    rules = [
        {
            "id": rule.code,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.cost},
            "help": {"text": rule.remedy},
            "defaultConfiguration": {"level": rule.severity.value},
        }
        for rule in RULES.values()
    ]
    driver = {"name": "proca-topo", "semanticVersion": version(), "rules": rules}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": list(results)}],
    }
    return json.dumps(document, indent=2) + "\n"
