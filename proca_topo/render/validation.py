"""What a check of the spec found."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from proca_topo.render.lines import as_text, of_two_parts
from proca_topo.rules.codes import CODES
from proca_topo.rules.rule import Severity
from proca_topo.spec.findings import PlacedFinding, unallowed
from proca_topo.topology.desired import Desired

# As the text of a problem has it that a rule has a page for.
_CODE: Final = re.compile(r" \((PT\d{3})\)")
_POSITION: Final = re.compile(r"(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<message>.*)", re.DOTALL)


def valid_text(desired: Desired, org_files: int) -> str:
    """`topology.yaml and 2 org files are valid: 4 exchanges, 9 queues, 14 bindings, 0 policies.`"""
    counts = ", ".join(_counted(count, *_WORDS[kind]) for kind, count in _counts(desired).items())
    files = _counted(org_files, "org file", "org files")
    return as_text(of_two_parts(f"topology.yaml and {files} are valid", f"{counts}."))


def valid_json(desired: Desired, org_files: int, found: Iterable[PlacedFinding]) -> str:
    """The same for programs, with what breaks a rule. `valid` is whether none of that is an error."""
    findings = list(found)
    return _json(
        {
            "valid": not any(one.severity is Severity.ERROR for one in unallowed(findings)),
            "org_files": org_files,
            **_counts(desired),
            "problems": [_finding(one) for one in findings],
        }
    )


def invalid_json(problems: Iterable[str]) -> str:
    """The problems, taken apart for editors and CI."""
    return _json({"valid": False, "problems": [_of_the_spec(text) for text in problems]})


_WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "exchanges": ("exchange", "exchanges"),
    "queues": ("queue", "queues"),
    "bindings": ("binding", "bindings"),
    "policies": ("policy", "policies"),
}


def _counts(desired: Desired) -> dict[str, int]:
    return {
        "exchanges": len(desired.exchanges),
        "queues": len(desired.queues),
        "bindings": len(desired.bindings),
        "policies": len(desired.policies),
    }


def _counted(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _finding(one: PlacedFinding) -> dict[str, Any]:
    return {
        "file": one.file,
        "line": one.line,
        "column": one.column,
        "message": one.text,
        "code": one.code,
        "severity": one.severity,
        "kind": one.kind,
        "name": None if one.noun is None else one.noun.name,
        "org": one.org,
        "org_count": one.org_count,
        "allowed": one.reason,
    }


def _of_the_spec(text: str) -> dict[str, Any]:
    return {**problem(text), "code": code_in(text), "severity": Severity.ERROR, "allowed": None}


def code_in(text: str) -> str | None:
    """The rule whose page explains a problem of the spec, if there is one: `PT101`."""
    found = _CODE.search(text)
    return found[1] if found is not None and found[1] in CODES else None


def problem(text: str) -> dict[str, Any]:
    """A problem of the spec taken apart, with its position; one of a whole file has none."""
    found = _POSITION.fullmatch(text)
    if found is None:
        return {"file": None, "line": None, "column": None, "message": text}
    return {
        "file": found["file"],
        "line": int(found["line"]),
        "column": int(found["column"]),
        "message": found["message"],
    }


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"
