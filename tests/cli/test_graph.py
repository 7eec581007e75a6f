"""`graph`: what is drawn, and what is said if it cannot be."""

import json

import pytest

from tests.cli.command import Place


def test_mermaid_of_the_template_and_of_one_org(place: Place) -> None:
    template = place.run("graph")
    assert (template.code, template.err) == (0, "")
    assert template.out.startswith(
        "flowchart LR\n    %% the org template as it stands; for one org: graph --org ORG\n"
    )
    assert '["{org}.crm"]' in template.out
    org = place.run("graph", "--org", "acme")
    assert '["acme.crm"]' in org.out
    assert "{org}" not in org.out
    assert '["system.sqs"]' in org.out


def test_dot_and_a_page_go_into_files(place: Place) -> None:
    assert place.run("graph", "--format", "dot").out.startswith("// the org template")
    ran = place.run("graph", "--format", "html", "--out", "graph.html")
    assert (ran.code, ran.out, ran.err) == (0, "", "Wrote graph.html\n")
    assert (place.path / "graph.html").read_text().startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("name", "begins"), [("a.html", "<!doctype html>"), ("a.DOT", "// the org"), ("a.md", "flowchart LR")]
)
def test_a_files_ending_says_how_it_is_written(place: Place, name: str, begins: str) -> None:
    assert place.run("graph", "--out", name).code == 0
    assert (place.path / name).read_text().startswith(begins)


def test_a_plan_as_json_and_a_saved_one_are_both_taken(place: Place) -> None:
    (place.path / "plan.json").write_text(place.run("plan", "--format", "json").out)
    place.run("plan", "--out", "saved.json")
    for plan in ("plan.json", "saved.json"):
        page = place.run("graph", "--plan", plan).out
        data = page.partition('<script id="data" type="application/json">')[2].partition("</script>")[0]
        assert "acme.crm" in {change["name"] for change in json.loads(data)["plan"]}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--org", "acmee"), "there is no org acmee; did you mean acme?"),
        (
            ("--format", "dot", "--plan", "plan.json"),
            "a plan is shown in a page: --plan goes with --format html, not dot",
        ),
        (
            ("--format", "html", "--plan", "topology.yaml"),
            "topology.yaml is no plan that plan --format json or plan --out has written",
        ),
        (
            ("--out", "topology.yaml"),
            "topology.yaml is a place of the spec's files: save the graph under another name",
        ),
    ],
)
def test_what_cannot_be_drawn(place: Place, arguments: tuple[str, ...], message: str) -> None:
    ran = place.run("graph", *arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", f"error: {message}\n")


def test_a_plan_that_is_not_there(place: Place) -> None:
    ran = place.run("graph", "--format", "html", "--plan", "gone.json")
    assert (ran.code, ran.err) == (1, "error: cannot read gone.json: No such file or directory\n")
