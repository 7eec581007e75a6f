"""`validate`: what rules find, where it stands, and what is allowed."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cli.command import Place

SPEC: Final = """\
topology: 1
owns: ["*"]
exchanges:
  in: {type: topic, keys: [org, mail|sms]}
queues:
  sms: {bindings: [{exchange: in, key: "*.sms"}]}
org:
  queues:
    "{org}.mail":
      bindings:
        - {exchange: in, key: "{org}.mail"}
        - {exchange: in, key: "{org}.email"}
    "{org}.log": {}
"""
FINDINGS: Final = """\
topology.yaml:12:11: PT305 error: binding in -[acme.email]-> acme.mail: acme.email lets no key through that reads \
ORG.(mail|sms), as those of in (and the same for 1 more org)
topology.yaml:13:5: PT301 warning: queue acme.log: nothing is bound to it: messages reach it by its name only \
(and the same for 1 more org)
1 error, 1 warning.
topology.yaml and 2 org files are valid:
  1 exchange, 5 queues, 5 bindings, 0 policies.
"""


@pytest.fixture
def spec(place: Place) -> Place:
    """Two orgs whose template has a mistake and something odd."""
    (place.path / "topology.yaml").write_text(SPEC)
    for org in ("acme", "beta"):
        place.write_org(org)
    return place


def change(spec: Place, before: str, after: str) -> None:
    file = spec.path / "topology.yaml"
    text = file.read_text()
    assert before in text
    file.write_text(text.replace(before, after))


def test_what_is_wrong_in_the_template_is_told_once_with_the_number_of_orgs(spec: Place) -> None:
    ran = spec.run("validate")
    assert (ran.code, ran.out, ran.err) == (2, FINDINGS, "")


def test_warnings_fail_only_if_that_is_asked_for(spec: Place) -> None:
    change(spec, "{org}.email", "{org}.sms")
    assert spec.run("validate").code == 0
    assert spec.run("validate", "--strict").code == 2


def test_what_is_allowed_with_a_reason_is_counted_and_does_not_fail(spec: Place) -> None:
    change(spec, 'key: "{org}.email"}', 'key: "{org}.email", allow: {PT305: "keys of a former version"}}')
    change(spec, '"{org}.log": {}', '"{org}.log": {allow: {PT301: "filled by hand"}}')
    ran = spec.run("validate", "--strict")
    assert ran.code == 0
    assert ran.out.startswith("0 errors; 2 allowed.\n")
    assert [one["allowed"] for one in spec.run("validate", "--format", "json").document()["problems"]] == [
        "keys of a former version",
        "filled by hand",
    ]


def test_what_is_allowed_around_something_is_allowed_in_it(spec: Place) -> None:
    change(spec, '    "{org}.mail":\n', '    "{org}.mail":\n      allow: {PT305: "keys of a former version"}\n')
    assert "PT305" not in spec.run("validate").out


def test_an_allow_that_allows_nothing_is_told(spec: Place) -> None:
    change(spec, "sms: {", 'sms: {allow: {PT301: "filled by hand"}, ')
    assert (
        "topology.yaml:6:17: PT000 warning: nothing here breaks PT301: remove it from `allow`\n"
        in spec.run("validate").out
    )


def test_what_is_allowed_for_another_target_is_no_mistake(spec: Place) -> None:
    change(spec, "sms: {", 'sms: {durable: false, allow: {PT402: "goes with a restart"}, ')
    assert "PT000" not in spec.run("validate").out
    assert "1 allowed" in spec.run("validate", "--target", "4.0.5").out


@pytest.mark.parametrize(
    ("allow", "message"),
    [
        ('{PT999: "why"}', "6:17: there is no rule PT999"),
        ('{PT010: "why"}', "6:17: PT010 cannot be allowed: RabbitMQ itself refuses what breaks it"),
        ('{PT301: ""}', "6:24: `PT301` must not be empty"),
    ],
)
def test_a_rule_that_is_none_and_a_reason_that_is_none_are_errors(spec: Place, allow: str, message: str) -> None:
    change(spec, "sms: {", f"sms: {{allow: {allow}, ")
    ran = spec.run("validate")
    assert ran.code == 2
    assert f"topology.yaml:{message}" in ran.err


def test_a_missing_dead_letter_exchange_can_be_allowed(spec: Place) -> None:
    change(spec, "sms: {", "sms: {arguments: {x-dead-letter-exchange: gone}, ")
    refused = "topology.yaml:6:45: no exchange gone is declared; known here: in (PT101)\n"
    assert spec.run("export").err.startswith(refused)
    assert spec.run("validate", "--format", "json").document()["problems"][0]["code"] == "PT101"
    assert sarif(spec)["results"][0]["ruleId"] == "PT101"
    assert ",col=45,title=PT101::no exchange gone" in spec.run("validate", "--format", "github").out
    change(spec, "sms: {", 'sms: {allow: {PT101: "dropped on purpose"}, ')
    assert spec.run("export").code == 0
    assert "1 allowed" in spec.run("validate").out


def test_github_marks_the_lines(spec: Place) -> None:
    lines = spec.run("validate", "--format", "github").out.splitlines()
    assert lines[0].startswith("::error file=topology.yaml,line=12,col=11,title=PT305::binding in -[acme.email]->")
    assert lines[1].startswith(
        "::warning file=topology.yaml,line=13,col=5,title=PT301::queue acme.log: nothing is"
    )
    change(spec, "queues:\n  sms", "queeus:\n  s%s")
    elsewhere = spec.run("validate", "--format", "github", "-C", str(spec.path))
    path = str(spec.path / "topology.yaml")
    assert elsewhere.out.startswith(
        f"::error file={path},line=5,col=1::unknown key queeus; did you mean queues?\n"
    )


def sarif(spec: Place) -> Any:
    document = json.loads(spec.run("validate", "--format", "sarif").out)
    assert document["version"] == "2.1.0"
    [run] = document["runs"]
    assert run["tool"]["driver"]["name"] == "proca-topo"
    return run


def test_sarif_has_the_rules_the_findings_and_the_reasons(spec: Place) -> None:
    change(spec, '"{org}.log": {}', '"{org}.log": {allow: {PT301: "filled by hand"}}')
    run = sarif(spec)
    assert {"PT305", "PT301"} <= {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    found = {result["ruleId"]: result for result in run["results"]}
    assert found["PT305"]["level"] == "error"
    assert found["PT305"]["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "topology.yaml"},
                "region": {"startLine": 12, "startColumn": 11},
            }
        }
    ]
    assert found["PT301"]["suppressions"] == [{"kind": "inSource", "justification": "filled by hand"}]
    (spec.path / "topology.yaml").write_text("topology: 1\n")
    assert sarif(spec)["results"][0]["message"] == {
        "text": '`owns` is missing: the names that are ours, such as "system.*"'
    }


def test_a_rule_is_explained(spec: Place) -> None:
    ran = spec.run("validate", "--explain", "pt103")
    assert ran.out.startswith("PT103 (error): a rejected message comes back at once\n")
    assert "hot loop" in ran.out
    assert 'allow: {PT103: "the reason"}' in ran.out
    unknown = spec.run("validate", "--explain", "PT110")
    assert unknown.code == 2
    assert unknown.err.startswith("error: there is no rule PT110; did you mean PT1")
    assert spec.run("validate", "--explain", "x").err == "error: there is no rule x; docs/rules lists them\n"


def test_a_target_is_a_version(spec: Place) -> None:
    ran = spec.run("validate", "--target", "newest")
    assert (ran.code, ran.err) == (
        2,
        "error: --target newest is no version of RabbitMQ: write it as 3.10 or 4.3\n",
    )


def test_extras_of_an_org_are_found_in_its_own_file(spec: Place) -> None:
    spec.write_org("beta", 'queues:\n  "{org}.extra": {}\n  "{org}.more": {allow: {PT301: "later"}}\n')
    out = spec.run("validate").out
    assert "orgs/beta.yaml:2:3: PT301 warning: queue beta.extra: nothing is bound to it" in out
    assert "beta.more" not in out


def test_every_rule_has_its_page() -> None:
    pages = Path(__file__).parents[2] / "docs" / "rules"
    assert {path.stem for path in pages.glob("PT*.md")} >= {"PT001", "PT010", "PT101", "PT305", "PT403"}
