"""JUnit XML that its readers read."""

from dataclasses import replace
from typing import Final
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml, TestCase, TestSuite

from proca_topo.contracts.verdicts import Outcome, Verdict
from proca_topo.render.junit import junit_xml
from proca_topo.topology.route_contracts import After, RouteContract
from proca_topo.topology.routing.matching import Message
from tests.render.unsafe import assert_harmless

SHARED: Final = RouteContract(
    exchange="deliver",
    message=Message(routing_key="x.system.action"),
    reaches=frozenset({"system.mail"}),
    place="topology.yaml:12:5",
)
ACME: Final = replace(SHARED, org="acme", name="copies", place="topology.yaml:30:7")

# What junit-10.xsd of Jenkins's xUnit plugin allows.
ATTRIBUTES: Final = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id", "file"},
    "testcase": {"name", "classname", "time", "group"},
    "failure": {"type", "message"},
}
INSIDE: Final = {"testsuites": {"testsuite"}, "testsuite": {"testcase"}, "testcase": {"failure"}, "failure": set()}
REQUIRED: Final = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name", "classname"},
    "testsuites": {"tests", "failures", "errors"},
    "failure": {"message", "type"},
}


def _verdict(contract: RouteContract, *queues: str, doubts: frozenset[str] = frozenset()) -> Verdict:
    return Verdict(contract=contract, outcome=Outcome(queues=frozenset(queues), doubts=doubts))


def _checked(text: str) -> ET.Element:
    root = ET.fromstring(text.encode())  # noqa: S314 - our own text
    assert root.tag == "testsuites"
    for element in root.iter():
        assert REQUIRED[element.tag] <= set(element.attrib) <= ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= INSIDE[element.tag]
    return root


def test_a_suite_for_what_is_shared_and_for_each_org() -> None:
    text = junit_xml(
        [
            _verdict(SHARED, "system.mail"),
            _verdict(ACME, "acme.crm"),
            _verdict(replace(ACME, after=After.REJECTED, name=None), "system.mail"),
        ]
    )
    _checked(text)
    assert (
        text
        == """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="proca-topo test" tests="3" failures="1" errors="0">
  <testsuite name="shared" tests="1" failures="0" errors="0" skipped="0">
    <testcase name="deliver &lt;- x.system.action" classname="proca-topo test.shared" />
  </testsuite>
  <testsuite name="org acme" tests="2" failures="1" errors="0" skipped="0">
    <testcase name="copies: deliver &lt;- x.system.action" classname="proca-topo test.acme">
      <failure type="broken" message="missing: system.mail; too many: acme.crm">topology.yaml:30:7: missing: \
system.mail; too many: acme.crm
published: deliver &lt;- x.system.action
promised: system.mail
reaches: acme.crm</failure>
    </testcase>
    <testcase name="deliver &lt;- x.system.action, rejected" classname="proca-topo test.acme" />
  </testsuite>
</testsuites>
"""
    )


def test_a_reader_counts_as_we_do() -> None:
    doubt = frozenset({"nobody knows"})
    text = junit_xml([_verdict(SHARED), _verdict(ACME, "system.mail"), _verdict(ACME, doubts=doubt)])
    read = JUnitXml.fromstring(text.encode())
    assert (read.tests, read.failures, read.errors) == (3, 2, 0)
    suites = [suite for suite in read if isinstance(suite, TestSuite)]
    assert [(suite.name, suite.tests, suite.failures) for suite in suites] == [
        ("shared", 1, 1),
        ("org acme", 2, 1),
    ]
    cases = [case for suite in suites for case in suite if isinstance(case, TestCase)]
    assert [[(one.type, one.message) for one in case.result] for case in cases] == [
        [("broken", "missing: system.mail")],
        [],
        [("undecided", "nobody knows")],
    ]


def test_two_contracts_of_one_name_are_two_cases() -> None:
    """GitLab drops the second of two cases of one name."""
    elsewhere = replace(SHARED, place="topology.yaml:13:5")
    root = _checked(junit_xml([_verdict(SHARED), _verdict(elsewhere), _verdict(ACME)]))
    assert [case.get("name") for case in root.iter("testcase")] == [
        "deliver <- x.system.action (topology.yaml:12:5)",
        "deliver <- x.system.action (topology.yaml:13:5)",
        "copies: deliver <- x.system.action",
    ]


def test_no_contracts_make_an_empty_report() -> None:
    assert _checked(junit_xml([])).attrib["tests"] == "0"


@given(st.text(), st.text(), st.text(), st.text())
def test_any_name_makes_xml(key: str, name: str, org: str, queue: str) -> None:
    contract = replace(ACME, message=Message(routing_key=key), name=name, org=org)
    _checked(junit_xml([_verdict(contract, queue)]))


def test_what_moves_a_terminals_cursor_is_escaped() -> None:
    unsafe = "a\x1b[2J\n\u202eyes"
    assert_harmless(junit_xml([_verdict(replace(ACME, message=Message(routing_key=unsafe), name=unsafe), unsafe)]))
