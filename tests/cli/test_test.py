"""`test`: the promises of the spec, checked without a broker."""

import json
from pathlib import Path
from typing import Final

import jsonschema
import pytest
from junitparser import JUnitXml

from tests.cli.command import TOPOLOGY, Place

ROUTES: Final = """\
  routes:
    - {name: moderated, publish: {exchange: confirm, key: "{org}.custom.supporter"}, reaches: ["{org}.confirm"]}
    - publish: {exchange: deliver, key: "{org}.system.action"}
      reaches: [{queue: "{org}.crm", when: crm}, {queue: system.sqs, when: sqs}]
routes:
  - {publish: {exchange: deliver, key: x, headers: {kind: share}}, reaches: []}
"""
SCHEMA: Final = Path(__file__).parents[2] / "docs" / "test.schema.json"


@pytest.fixture
def tested(place: Place) -> Place:
    """Contracts for two orgs, all of them kept."""
    (place.path / "topology.yaml").write_text(TOPOLOGY + ROUTES)
    place.write_org("beta", "options: {sqs: true}\n")
    return place


def test_all_are_kept(tested: Place) -> None:
    ran = tested.run("test")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "5 route contracts, of what is shared and of 2 orgs, by the spec alone: 5 kept.\n"


def test_each_that_is_broken_is_shown_with_its_place(tested: Place) -> None:
    text = TOPOLOGY.replace("{org}.custom.supporter", "{org}.custom.suporter") + ROUTES
    (tested.path / "topology.yaml").write_text(text)
    tested.write_org("beta", 'bindings: [{queue: "{org}.confirm", exchange: deliver, key: "#"}]\n')
    ran = tested.run("test")
    assert (ran.code, ran.err) == (1, "")
    assert (
        ran.out
        == """\
Broken: deliver <- x with kind=share
    contract  topology.yaml:24:5
    promised  nothing
    reaches   beta.confirm
    too many  beta.confirm

Broken: confirm <- acme.custom.supporter
    contract  topology.yaml:20:7, org acme "moderated"
    promised  acme.confirm
    reaches   nothing
    missing   acme.confirm

Broken: confirm <- beta.custom.supporter
    contract  topology.yaml:20:7, org beta "moderated"
    promised  beta.confirm
    reaches   nothing
    missing   beta.confirm

Broken: deliver <- acme.system.action
    contract  topology.yaml:21:7, org acme
    promised  acme.crm
    reaches   acme.crm, beta.confirm
    too many  beta.confirm

Broken: deliver <- beta.system.action
    contract  topology.yaml:21:7, org beta
    promised  nothing
    reaches   beta.confirm
    too many  beta.confirm

5 route contracts, of what is shared and of 2 orgs, by the spec alone:
  0 kept, 5 broken.
"""
    )


def test_what_is_broken_alike_for_many_orgs_is_not_told_a_thousand_times(tested: Place) -> None:
    (tested.path / "topology.yaml").write_text(TOPOLOGY.replace("custom.supporter", "custom.suporter") + ROUTES)
    tested.write_org("aa")
    tested.write_org("ab")
    out = tested.run("test").out
    assert out.count("Broken:") == 3
    assert "\n… and the same contract for beta\n" in out
    for org in ("ca", "cb", "cc"):
        tested.write_org(org)
    assert "\n… and the same contract for beta, ca, cb and 1 more org\n" in tested.run("test").out


def test_an_org_is_tested_against_everything_that_there_is(tested: Place) -> None:
    """What another org takes away or adds is found, though only this one was asked for."""
    tested.write_org("beta", 'bindings: [{queue: "{org}.confirm", exchange: deliver, key: "acme.#"}]\n')
    ran = tested.run("test", "--org", "acme")
    assert ran.code == 1
    assert "    too many  beta.confirm\n" in ran.out
    assert "3 route contracts, of what is shared and of 1 org, by the spec alone:\n  2 kept, 1 broken." in ran.out
    assert tested.run("test", "--org", "beta", "--format", "json").document()["summary"]["broken"] == 0


def test_as_json(tested: Place) -> None:
    tested.write_org("beta", 'bindings: [{queue: "{org}.confirm", exchange: deliver, key: "x"}]\n')
    ran = tested.run("test", "--format", "json")
    document = ran.document()
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert ran.code == 1
    assert (document["broker"], document["summary"]) == (None, {"kept": 4, "broken": 1, "undecided": 0})
    assert document["contracts"][0] == {
        "org": None,
        "name": None,
        "place": "topology.yaml:24:5",
        "publish": {"exchange": "deliver", "routing_key": "x", "headers": {"kind": "share"}},
        "after": None,
        "state": "broken",
        "promised": [],
        "reached": ["beta.confirm"],
        "missing": [],
        "unexpected": ["beta.confirm"],
        "doubts": [],
    }


def test_what_cannot_be_told_is_not_taken_for_good(place: Place) -> None:
    text = """\
topology: 1
owns: [q, h]
exchanges: {h: {type: x-consistent-hash}}
queues: {q: {bindings: [{exchange: h, key: "1"}]}}
routes: [{publish: {exchange: h, key: a}, reaches: [q]}]
"""
    (place.path / "topology.yaml").write_text(text)
    (place.path / "orgs" / "acme.yaml").write_text("")
    ran = place.run("test")
    assert ran.code == 1
    assert (
        ran.out
        == """\
Undecided: h <- a
    contract  topology.yaml:5:10
    promised  q
    exchange h is of a plugin's type, which decides by itself; test --live asks
    a broker

1 route contract, by the spec alone: 0 kept, 1 undecided.
"""
    )


def test_without_contracts_it_says_how_to_write_them(place: Place) -> None:
    ran = place.run("test")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == "There are no route contracts; docs/testing.md says how to write them.\n"


def test_a_wrong_contract_is_a_wrong_spec(tested: Place) -> None:
    text = TOPOLOGY + ROUTES.replace("system.sqs", "system.sqz")
    (tested.path / "topology.yaml").write_text(text)
    ran = tested.run("test")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(
        "topology.yaml:22:50: no queue system.sqz is declared here; did you mean system.sqs?"
    )
    assert tested.run("validate").code == 2


def test_an_org_that_is_not_there(tested: Place) -> None:
    ran = tested.run("test", "--org", "acne")
    assert (ran.code, ran.out, ran.err) == (2, "", "error: there is no org acne; did you mean acme?\n")


def test_junit_xml_goes_to_a_file_besides(tested: Place) -> None:
    tested.write_org("beta", 'bindings: [{queue: "{org}.confirm", exchange: deliver, key: "x"}]\n')
    ran = tested.run("test", "--junit", "report.xml")
    assert ran.code == 1
    assert ran.out.endswith("4 kept, 1 broken.\n")
    report = JUnitXml.fromfile(str(tested.path / "report.xml"))
    assert (report.tests, report.failures) == (5, 1)
    assert tested.run("test", "--junit", "nowhere/report.xml").err.startswith(
        "error: cannot write nowhere/report.xml"
    )
