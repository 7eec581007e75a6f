"""plan and apply, on a definitions file."""

import json
import subprocess

import jsonschema
import pytest

from proca_topo.broker.definitions.file import DefinitionsFile
from proca_topo.render.plan_json import plan_schema
from proca_topo.render.report_json import report_schema
from tests.broker.servers import stalling_server
from tests.cli.command import AT_ONCE_SECONDS, COMMAND, Place, clean_environment

FIRST_PLAN = """\
Plan for vhost proca on broker.json

  + declare

Shared
  + exchange confirm (topic)
  + exchange deliver (topic)
  + queue    system.sqs

Org acme
  + queue    acme.confirm
  + queue    acme.crm
  + binding  confirm -[acme.custom.supporter]-> acme.confirm
  + binding  deliver -[acme.*.*]-> acme.crm

Plan: 7 to declare; 0 unchanged.
"""
FIRST_REPORT = """\

Applied to vhost proca on broker.json: 7 declared
  + exchange confirm (topic)
  + exchange deliver (topic)
  + queue    acme.confirm
  + queue    acme.crm
  + queue    system.sqs
  + binding  confirm -[acme.custom.supporter]-> acme.confirm
  + binding  deliver -[acme.*.*]-> acme.crm

Done: 7 changes applied and read back. Nothing is pending.
"""
NOTHING = """\
Plan for vhost proca on broker.json

No changes. 7 objects are as desired.
"""


def test_plan_apply_plan(place: Place) -> None:
    planned = place.run("plan")
    assert (planned.code, planned.out, planned.err) == (0, FIRST_PLAN, "")
    applied = place.run("apply")
    assert (applied.code, applied.out, applied.err) == (0, FIRST_PLAN + FIRST_REPORT, "")
    again = place.run("plan", "--detailed-exitcode")
    assert (again.code, again.out, again.err) == (0, NOTHING, "")
    nothing = place.run("apply", "--detailed-exitcode")
    assert (nothing.code, nothing.out, nothing.err) == (0, NOTHING, "")


def test_plan_changes_nothing(place: Place) -> None:
    before = place.broker.read_bytes()
    assert place.run("plan", "--detailed-exitcode").code == 3
    assert place.broker.read_bytes() == before


def test_what_needs_prune_is_held_back_and_said(place: Place) -> None:
    place.run("apply")
    place.write_org("acme", "{}\n")
    held = place.run("apply", "--detailed-exitcode")
    assert held.code == 3
    assert (
        held.out
        == """\
Plan for vhost proca on broker.json

  - delete

Org acme
  - binding  deliver -[acme.*.*]-> acme.crm  held back [1]
      unrouted: if let through, acme.*.* reaches nothing (was: acme.crm)
  - queue    acme.crm  held back [1]
      hazard: what is published straight to its name as it is deleted is lost

Notes
  [1] held back (2 changes): deletions need --prune

Plan: 2 to delete; 2 held back; 5 unchanged.

Held back: 2
  - binding  deliver -[acme.*.*]-> acme.crm
  - queue    acme.crm
      deletions need --prune

Nothing was applied. 2 held back: what each needs is said above.
"""
    )
    assert place.run("apply").code == 0
    pruned = place.run("apply", "--prune", "--detailed-exitcode")
    assert pruned.code == 0
    assert pruned.out.endswith("Done: 2 changes applied and read back. Nothing is pending.\n")
    assert "acme.crm" not in place.broker.read_text()


def test_one_org(place: Place) -> None:
    place.write_org("beta")
    place.run("apply", "--org", "acme")
    planned = place.run("plan", "--org", "beta", "--org", "acme")
    assert "Only orgs acme, beta\n" in planned.out
    assert "confirm -[beta.custom.supporter]-> beta.confirm" in planned.out


def test_an_org_whose_file_is_gone_can_be_pruned(place: Place) -> None:
    place.run("apply")
    (place.path / "orgs" / "acme.yaml").unlink()
    planned = place.run("plan", "--org", "acme", "--prune")
    assert planned.code == 0
    assert planned.err == "acme has no file any more: what the broker has of it is no longer desired.\n"
    assert planned.out.endswith("Plan: 4 to delete; 0 unchanged.\n")


REFUSED = (
    "the plan deletes or replaces 12 of 15 objects that exist and are ours, more than 30 %; "
    "if that is meant, give --allow-deletes 12, otherwise mend the spec"
)


def with_three_orgs_gone(place: Place) -> None:
    for org in ("acme", "beta", "zeta"):
        place.write_org(org, "options: {crm: true}\n")
    place.run("apply")
    for org in ("acme", "beta", "zeta"):
        (place.path / "orgs" / f"{org}.yaml").unlink()


def test_too_many_deletions_are_refused_before_anything_is_done(place: Place) -> None:
    with_three_orgs_gone(place)
    before = place.broker.read_bytes()
    planned = place.run("plan", "--prune")
    assert planned.code == 0
    assert " ".join(planned.out.splitlines()[-3:]) == f"apply will refuse this plan: {REFUSED}"
    applied = place.run("apply", "--prune")
    # The reason is told once, as an error.
    assert (applied.code, applied.out) == (4, planned.out[: planned.out.index("apply will refuse")])
    assert applied.err == f"error: nothing was done: {REFUSED}\n"
    as_json = place.run("apply", "--prune", "--format", "json")
    assert (as_json.code, as_json.out) == (4, "")
    assert place.broker.read_bytes() == before
    document = place.run("plan", "--prune", "--format", "json").document()
    jsonschema.validate(document, plan_schema())
    assert document["refused"] == REFUSED


def test_the_flag_accepts_so_many_deletions(place: Place) -> None:
    with_three_orgs_gone(place)
    assert place.run("plan", "--prune", "--allow-deletes", "12", "--format", "json").document()["refused"] is None
    assert place.run("apply", "--prune", "--allow-deletes", "11").code == 4
    assert place.run("apply", "--prune", "--allow-deletes", "12").code == 0
    assert place.run("plan", "--allow-deletes", "-1").code == 2


def test_orgs_without_a_file_that_are_asked_for_need_no_flag(place: Place) -> None:
    with_three_orgs_gone(place)
    asked = ("--org", "acme", "--org", "beta", "--org", "zeta")
    assert place.run("apply", *asked, "--prune").code == 0
    assert place.run("plan", "--detailed-exitcode").code == 0


def test_a_file_is_of_no_cluster(place: Place) -> None:
    spec = place.path / "topology.yaml"
    spec.write_text(spec.read_text() + "cluster: rabbit@one\n")
    place.broker.write_text('{"vhosts": [{"name": "proca"}], "original_cluster_name": "rabbit@two"}')
    assert place.run("apply").code == 0


def test_what_is_protected_stays_whatever_is_asked_for(place: Place) -> None:
    place.run("apply")
    spec = place.path / "topology.yaml"
    spec.write_text(spec.read_text() + 'protect: ["{org}.crm"]\n')
    (place.path / "orgs" / "acme.yaml").unlink()
    applied = place.run("apply", "--org", "acme", "--prune", "--allow-deletes", "100")
    assert applied.code == 0
    assert "      protected by protect: {org}.crm (topology.yaml:19:11)\n" in applied.out
    left = json.loads(place.broker.read_text())
    assert [queue["name"] for queue in left["queues"]] == ["acme.crm", "system.sqs"]
    assert [binding["destination"] for binding in left["bindings"]] == ["acme.crm"]


def test_an_org_that_never_was_is_a_mistake(place: Place) -> None:
    place.run("apply")
    planned = place.run("plan", "--org", "acma")
    assert (planned.code, planned.out) == (2, "")
    assert planned.err == ("error: there is no org acma, and the broker has nothing of it; did you mean acme?\n")


def test_plan_as_json_is_nothing_but_json(place: Place) -> None:
    document = place.run("plan", "--format", "json").document()
    jsonschema.validate(document, plan_schema())
    assert document["summary"]["declare"] == 7
    assert document["broker"]["location"] == "broker.json"


def test_apply_as_json_is_nothing_but_json(place: Place) -> None:
    document = place.run("apply", "--format", "json").document()
    jsonschema.validate(document, report_schema())
    assert {change["status"] for change in document["changes"]} == {"applied"}
    nothing = place.run("apply", "--format", "json").document()
    assert (nothing["changes"], nothing["summary"]["unchanged"]) == ([], 7)


def test_plan_as_markdown(place: Place) -> None:
    out = place.run("plan", "--format", "markdown").out
    assert out.startswith("### Plan for vhost proca on broker.json\n\n| declare |")
    assert out.endswith("**Plan: 7 to declare; 0 unchanged.**\n")


def test_every_error_of_the_spec_comes_at_once_and_wins_over_the_broker(place: Place) -> None:
    place.write_org("acme", "optoins: {crm: true}\n")
    place.write_org("beta", "options: {crn: true}\n")
    planned = place.run("plan", "--broker", "http://127.0.0.1:9")
    assert (planned.code, planned.out) == (2, "")
    assert planned.err.splitlines()[-1] == "error: the spec is invalid (2 problems)"
    assert [line.partition(": ")[0] for line in planned.err.splitlines()[:-1]] == [
        "orgs/acme.yaml:1:1",
        "orgs/beta.yaml:1:11",
    ]


def test_an_error_of_the_spec_does_not_wait_for_what_the_broker_was_asked(place: Place) -> None:
    place.write_org("acme", "options: {email: true}\n")
    with stalling_server() as (url, _):
        planned = subprocess.run(
            [COMMAND, "plan", "--broker", url],
            cwd=place.path,
            env=clean_environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=AT_ONCE_SECONDS,
        )
    assert planned.returncode == 2
    assert planned.stderr.splitlines()[-1] == "error: the spec is invalid (1 problem)"


def test_a_broker_that_does_not_answer_is_a_failure(place: Place) -> None:
    planned = place.run("plan", "--broker", "http://user:secret@127.0.0.1:9")
    assert (planned.code, planned.out) == (1, "")
    assert planned.err.startswith("error: ")
    assert "127.0.0.1:9" in planned.err
    assert "secret" not in planned.err


def test_a_missing_vhost_is_made_only_when_asked_for(place: Place) -> None:
    refused = place.run("apply", "--vhost", "other")
    assert refused.code == 1
    assert "other" in refused.err
    made = place.run("apply", "--vhost", "other", "--create-vhost")
    assert made.code == 0
    assert made.err == "Made the vhost other.\n"
    assert {"name": "other"}.items() <= json.loads(place.broker.read_text())["vhosts"][-1].items()


@pytest.mark.parametrize("asked", [(), ("--org", "acme"), ("--prune",)])
def test_an_absent_vhost_is_planned_as_it_would_be_and_not_made(place: Place, asked: tuple[str, ...]) -> None:
    before = place.broker.read_bytes()
    planned = json.loads(place.run("plan", "--vhost", "other", "--create-vhost", "--format", "json", *asked).out)
    assert place.broker.read_bytes() == before
    DefinitionsFile(place.broker).create_vhost("empty")
    made = json.loads(place.run("plan", "--vhost", "empty", "--format", "json", *asked).out)
    assert (planned.pop("new_vhost"), made.pop("new_vhost")) == (True, False)
    assert planned == {**made, "vhost": "other"}


def test_a_plan_for_a_vhost_that_is_absent_says_so(place: Place) -> None:
    said = "There is no such vhost yet: apply --create-vhost makes it."
    for command in (("--format", "text"), ("--format", "markdown")):
        there = place.run("plan", "--create-vhost", *command)
        absent = place.run("plan", "--create-vhost", "--vhost", "other", *command)
        assert said not in there.out.replace("\\", "").splitlines()
        assert said in absent.out.replace("\\", "").splitlines()


def test_a_plan_for_a_vhost_that_is_absent_is_not_saved(place: Place) -> None:
    ran = place.run("plan", "--create-vhost", "--out", "plan.json")
    assert (ran.code, ran.err) == (2, "error: apply FILE makes no vhost: leave out --create-vhost or --out\n")
    assert not (place.path / "plan.json").exists()


@pytest.mark.parametrize("where", ["option", "environment"])
def test_the_vhost_of_the_command_line_wins(place: Place, where: str) -> None:
    ran = place.run("plan", "--vhost", "none") if where == "option" else place.run("plan", PROCA_TOPO_VHOST="none")
    assert (ran.code, ran.out) == (1, "")
    assert "none" in ran.err


def test_names_on_the_broker_cannot_do_anything_to_a_terminal(place: Place) -> None:
    text = place.path.joinpath("topology.yaml").read_text().replace('"system.*"', '"system.*", "evil*"')
    place.path.joinpath("topology.yaml").write_text(text)
    name = "evil\x1b[31m\u202e"
    place.write_broker(queues=[{"name": name, "durable": True, "auto_delete": False, "arguments": {}}])
    for chosen in ("text", "json", "markdown"):
        ran = place.run("plan", "--format", chosen)
        assert ran.code == 0
        assert "evil" in ran.out
        assert not {"\x1b", "\u202e"} & set(ran.out + ran.err)
