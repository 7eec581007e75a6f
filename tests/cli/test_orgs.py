"""add-org, remove-org, orgs, validate, export: what needs no broker."""

import json

import pytest

from tests.cli.command import Place


def test_add_org_says_what_comes_next(place: Place) -> None:
    ran = place.run("add-org", "beta", "--with", "sqs")
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out
        == """\
Wrote orgs/beta.yaml

The next apply declares, where it is absent:
  + queue    beta.confirm
  + binding  confirm -[beta.custom.supporter]-> beta.confirm
  + binding  deliver -[beta.system.*]-> system.sqs

Run: proca-topo apply --org beta
"""
    )
    assert (place.path / "orgs" / "beta.yaml").read_text() == "options: {sqs: true}\n"


def test_what_add_org_says_is_what_apply_does(place: Place) -> None:
    place.run("apply")
    added = place.run("add-org", "beta", "--with", "crm").out
    document = place.run("plan", "--org", "beta", "--format", "json").document()
    assert document["summary"]["declare"] == sum(line.startswith("  + ") for line in added.splitlines())
    assert all(change["name"] in added for change in document["changes"])


def test_a_command_to_run_names_the_directory(place: Place) -> None:
    ran = place.run("-C", str(place.path), "add-org", "beta", stdin="")
    assert f"Run: proca-topo apply --org beta -C {place.path}\n" in ran.out


def test_an_org_that_exists_is_left_as_it_is(place: Place) -> None:
    ran = place.run("add-org", "acme")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == "error: orgs/acme.yaml exists and is left as it is; change that file instead\n"


def test_remove_org_says_what_it_leaves(place: Place) -> None:
    ran = place.run("remove-org", "acme")
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out
        == """\
Deleted orgs/acme.yaml

An apply with --prune deletes these queues, once nothing can be lost with them:
  - queue    acme.confirm
  - queue    acme.crm

Run: proca-topo plan --org acme --prune
"""
    )
    assert not (place.path / "orgs" / "acme.yaml").exists()


def test_remove_org_says_what_is_protected(place: Place) -> None:
    topology = place.path / "topology.yaml"
    topology.write_text(topology.read_text() + 'protect: ["*.crm"]\n')
    ran = place.run("remove-org", "acme")
    going, _, kept = ran.out.partition("These queues stay, because topology.yaml protects them:\n")
    assert "queue    acme.confirm" in going
    assert "acme.crm" not in going
    assert kept.startswith("  - queue    acme.crm\n\nRun: ")


@pytest.mark.parametrize("text", ["options: {nonsense: true}\n", "[", "\udcff"])
def test_remove_org_whose_file_is_invalid(place: Place, text: str) -> None:
    path = place.path / "orgs" / "acme.yaml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    ran = place.run("remove-org", "acme")
    assert (ran.code, ran.out) == (0, "Deleted orgs/acme.yaml\n\nRun: proca-topo plan --org acme --prune\n")
    assert not path.exists()


def test_remove_org_of_an_org_named_by_a_variable_advises_a_plan_that_can_see_it(place: Place) -> None:
    """Without its file nobody knows its number any more, and a plan of that org alone would be refused."""
    (place.path / "topology.yaml").write_text(
        'topology: 1\nowns: ["q.{id}"]\norg:\n  vars: {id: "[0-9]+"}\n  queues:\n    "q.{id}": {}\n'
    )
    place.write_org("acme", "vars: {id: 42}\n")
    assert place.run("remove-org", "acme").out.endswith("Run: proca-topo plan --prune\n")


def test_orgs(place: Place) -> None:
    place.write_org("beta", "options: {crm: true, sqs: true}\n")
    place.write_org("gamma")
    assert (
        place.run("orgs").out
        == """\
ORG    OPTIONS
acme   crm
beta   crm, sqs
gamma  -
"""
    )
    assert place.run("orgs", "--format", "json").document()["orgs"][2] == {
        "name": "gamma",
        "options": {"crm": False, "sqs": False},
        "variables": {},
        "path": "orgs/gamma.yaml",
    }


def test_orgs_when_there_are_none(place: Place) -> None:
    (place.path / "orgs" / "acme.yaml").unlink()
    assert place.run("orgs").out == "No orgs yet; add one with: proca-topo add-org ORG\n"


def test_validate(place: Place) -> None:
    ran = place.run("validate")
    assert (ran.code, ran.err) == (0, "")
    assert (
        ran.out
        == """\
topology.yaml:8:3: PT301 warning: queue system.sqs: nothing is bound to it: messages reach it by its name only
0 errors, 1 warning.
topology.yaml and 1 org file are valid:
  2 exchanges, 3 queues, 2 bindings, 0 policies.
"""
    )
    assert place.run("validate", "--format", "json").document() == {
        "valid": True,
        "org_files": 1,
        "exchanges": 2,
        "queues": 3,
        "bindings": 2,
        "policies": 0,
        "problems": [
            {
                "file": "topology.yaml",
                "line": 8,
                "column": 3,
                "message": "nothing is bound to it: messages reach it by its name only",
                "code": "PT301",
                "severity": "warning",
                "kind": "queue",
                "name": "system.sqs",
                "org": None,
                "org_count": 1,
                "allowed": None,
            }
        ],
    }


def test_validate_takes_problems_apart_for_programs(place: Place) -> None:
    place.write_org("acme", "optoins: {}\n")
    ran = place.run("validate", "--format", "json")
    assert ran.code == 2
    assert ran.document() == {
        "valid": False,
        "problems": [
            {
                "file": "orgs/acme.yaml",
                "line": 1,
                "column": 1,
                "message": "unknown key optoins; did you mean options?",
                "code": None,
                "severity": "error",
                "allowed": None,
            }
        ],
    }


def test_export_is_what_apply_makes(place: Place) -> None:
    """Exported definitions, taken as a broker, leave nothing to do."""
    assert place.run("export", "--out", "broker.json").err == "Wrote broker.json\n"
    assert place.run("plan", "--detailed-exitcode").code == 0


def test_export_of_one_org_holds_that_org_alone(place: Place) -> None:
    place.write_org("beta")
    document = place.run("export", "--org", "beta").document()
    assert document["vhosts"] == [{"name": "proca"}]
    assert [queue["name"] for queue in document["queues"]] == ["beta.confirm"]
    assert document["exchanges"] == []


def test_export_of_an_org_that_is_none_writes_nothing(place: Place) -> None:
    place.write_org("beta")
    ran = place.run("export", "--org", "bela", "--out", "broker.json")
    assert (ran.code, ran.err) == (2, "error: there is no org bela; did you mean beta?\n")


@pytest.mark.parametrize("out", ["topology.yaml", "orgs/acme.yaml"])
def test_export_does_not_overwrite_the_spec(place: Place, out: str) -> None:
    place.write_org("acme")
    before = (place.path / out).read_bytes()
    ran = place.run("export", "--out", out)
    assert (ran.code, ran.err) == (
        2,
        f"error: {out} is a place of the spec's files: save the export under another name\n",
    )
    assert (place.path / out).read_bytes() == before


@pytest.mark.parametrize("org", ["betta", "b" * 300])
@pytest.mark.parametrize("command", [("export", "--org"), ("test", "--org"), ("graph", "--org"), ("remove-org",)])
def test_an_org_that_there_is_not_is_wrong_usage(place: Place, command: tuple[str, ...], org: str) -> None:
    """Definitions without anything would look like an export."""
    ran = place.run(*command, org)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith((f"error: there is no org {org}", f"error: an org cannot be named {org}"))


def test_export_cannot_leave_half_a_file(place: Place) -> None:
    ran = place.run("export", "--out", "missing/definitions.json")
    assert ran.code == 1
    assert ran.err == "error: cannot write missing/definitions.json: No such file or directory\n"
    assert json.loads(place.broker.read_text())
