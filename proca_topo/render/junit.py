"""What became of the route contracts as JUnit XML, which GitLab, Jenkins and GitHub's actions show.

There is no one standard. What is written is what all of them read: elements and attributes that Jenkins's schema
(junit-10.xsd) knows, a class name for each case because GitLab tells cases apart by it, and names that differ.
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final
from xml.etree import ElementTree as ET

from proca_topo.contracts.verdicts import State, Verdict
from proca_topo.render.contracts_text import message_text, queues_text, reason
from proca_topo.topology.names import shown

SHARED: Final = "shared"
_NAME: Final = "proca-topo test"
# What XML 1.0 has no way to write.
_NOT_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(verdicts: Sequence[Verdict]) -> str:
    """A suite for what is shared and for each org, a case for each contract."""
    suites: dict[str | None, list[Verdict]] = {}
    for verdict in verdicts:
        suites.setdefault(verdict.contract.org, []).append(verdict)
    root = ET.Element("testsuites", {"name": _NAME, **_counts(verdicts)})
    for org, cases in suites.items():
        name = _text(SHARED if org is None else f"org {shown(org)}")
        suite = ET.SubElement(root, "testsuite", {"name": name, **_counts(cases), "skipped": "0"})
        for case_name, verdict in zip(_names(cases), cases, strict=True):
            # A dot in a class name makes a folder of what stands before it.
            class_name = _text(f"{_NAME}.{SHARED if org is None else shown(org)}")
            case = ET.SubElement(suite, "testcase", name=case_name, classname=class_name)
            if verdict.state is not State.KEPT:
                failure = ET.SubElement(case, "failure", type=verdict.state.value, message=_text(reason(verdict)))
                failure.text = _text(_explanation(verdict))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _counts(verdicts: Sequence[Verdict]) -> dict[str, str]:
    failures = sum(verdict.state is not State.KEPT for verdict in verdicts)
    return {"tests": str(len(verdicts)), "failures": str(failures), "errors": "0"}


def _names(cases: Sequence[Verdict]) -> list[str]:
    """A name for each that stays the same when lines move, unless two cases of a suite would have one name."""
    plain = [_text(_name(verdict)) for verdict in cases]
    times = Counter(plain)
    return [
        name if times[name] == 1 else _text(f"{name} ({shown(verdict.contract.place)})")
        for name, verdict in zip(plain, cases, strict=True)
    ]


def _name(verdict: Verdict) -> str:
    contract = verdict.contract
    message = message_text(contract)
    return message if contract.name is None else f"{shown(contract.name)}: {message}"


def _explanation(verdict: Verdict) -> str:
    contract = verdict.contract
    return "\n".join(
        (
            f"{shown(contract.place)}: {reason(verdict)}",
            f"published: {message_text(contract)}",
            f"promised: {queues_text(contract.reaches)}",
            f"reaches: {queues_text(verdict.outcome.queues)}",
        )
    )


def _text(text: str) -> str:
    return _NOT_XML.sub(lambda match: f"\\u{ord(match[0]):04x}", text)
