"""plan --out and apply FILE, on a definitions file."""

import json
import os
import subprocess

import jsonschema
import pytest

from proca_topo.render.saved_plan import saved_plan_schema
from tests.cli.command import PATIENCE, Place
from tests.cli.test_plan_apply import FIRST_PLAN, FIRST_REPORT
from tests.cli.test_terminal import QUESTION, at_a_terminal

SAVED = "Saved to plan.json; apply it with: proca-topo apply plan.json\n"
QUEUE = {"durable": True, "auto_delete": False, "arguments": {}}


def test_plan_saves_and_apply_makes_what_was_saved(place: Place) -> None:
    planned = place.run("plan", "--out", "plan.json")
    assert (planned.code, planned.out, planned.err) == (0, FIRST_PLAN, SAVED)
    jsonschema.validate(json.loads((place.path / "plan.json").read_text()), saved_plan_schema())
    applied = place.run("apply", "plan.json")
    assert (applied.code, applied.out, applied.err) == (0, FIRST_PLAN + FIRST_REPORT, "")


def test_the_other_formats_and_the_exit_code_stay_as_they_are(place: Place) -> None:
    planned = place.run("plan", "--out", "plan.json", "--format", "json", "--detailed-exitcode")
    assert (planned.code, planned.err) == (3, SAVED)
    assert planned.document()["summary"]["declare"] == 7
    applied = place.run("apply", "plan.json", "--format", "json")
    assert applied.code == 0
    assert applied.document()["summary"]["applied"] == 7


def test_a_plan_without_changes_is_one_too(place: Place) -> None:
    place.run("apply")
    place.run("plan", "--out", "plan.json")
    applied = place.run("apply", "plan.json")
    assert (applied.code, applied.err) == (0, "")
    assert applied.out.endswith("No changes. 7 objects are as desired.\n")


def test_a_plan_that_apply_refuses_is_saved_with_a_word_on_that(place: Place) -> None:
    orgs = ("beta", "gamma", "delta", "epsilon", "zeta")
    for org in orgs:
        place.write_org(org)
    place.run("apply")
    for org in orgs:
        (place.path / "orgs" / f"{org}.yaml").unlink()
    planned = place.run("plan", "--prune", "--out", "plan.json")
    assert planned.err == (
        "Saved to plan.json, which apply refuses as it is; see above. Then: proca-topo apply plan.json\n"
    )
    assert place.run("apply", "plan.json").code == 4
    assert place.run("apply", "plan.json", "--allow-deletes", "100").code == 0


def test_a_second_time_everything_is_already_done(place: Place) -> None:
    place.run("plan", "--out", "plan.json")
    place.run("apply", "plan.json")
    before = place.broker.read_bytes()
    again = place.run("apply", "plan.json")
    assert (again.code, again.out) == (4, "")
    assert again.err.splitlines()[:3] == [
        "error: plan.json is not the plan any more, and nothing was applied. All of it: 7 already done",
        "  + exchange confirm (topic)  already done",
        "  + exchange deliver (topic)  already done",
    ]
    assert again.err.endswith("\nMake a new plan, and look at it: proca-topo plan --out plan.json\n")
    assert place.broker.read_bytes() == before


def test_what_has_changed_since_is_named_and_nothing_is_done(place: Place) -> None:
    place.write_org("beta")
    place.run("apply")
    place.write_org("acme", "{}\n")
    place.run("plan", "--prune", "--out", "plan.json")
    place.write_org("beta", "options: {crm: true}\n")
    definitions = json.loads(place.broker.read_text())
    definitions["queues"] = [queue for queue in definitions["queues"] if queue["name"] != "acme.crm"]
    definitions["bindings"] = [one for one in definitions["bindings"] if one["destination"] != "acme.crm"]
    definitions["queues"].append(
        {"vhost": "proca", "name": "acme.confirm", **QUEUE, "arguments": {"x-expires": 9}}
    )
    place.broker.write_text(json.dumps(definitions))
    before = place.broker.read_bytes()
    refused = place.run("apply", "plan.json")
    assert (refused.code, refused.out) == (4, "")
    assert (
        refused.err
        == """\
error: plan.json is not the plan any more, and nothing was applied. Changes that differ: 2 already done, 3 new
  - binding  deliver -[acme.*.*]-> acme.crm  already done
  - queue    acme.crm  already done
  ! queue    acme.confirm  new: it has changed on the broker
  + queue    beta.crm  new: the spec has it since then
  + binding  deliver -[beta.*.*]-> beta.crm  new: the spec has it since then
Make a new plan, and look at it: proca-topo plan --prune --out plan.json
"""
    )
    assert place.broker.read_bytes() == before


def test_orgs_and_prune_are_those_of_the_plan(place: Place) -> None:
    place.run("apply")
    place.write_org("acme", "{}\n")
    place.write_org("beta")
    place.run("plan", "--org", "acme", "--prune", "--out", "plan.json")
    applied = place.run("apply", "plan.json", "--org", "acme", "--prune")
    assert applied.code == 0
    assert applied.out.endswith("Done: 2 changes applied and read back. Nothing is pending.\n")
    text = place.broker.read_text()
    assert "acme.crm" not in text
    assert "beta.confirm" not in text


def test_an_org_that_is_gone_altogether_is_done_and_no_mistake(place: Place) -> None:
    place.run("apply")
    (place.path / "orgs" / "acme.yaml").unlink()
    place.run("plan", "--org", "acme", "--prune", "--out", "plan.json")
    assert place.run("apply", "plan.json").code == 0
    again = place.run("apply", "plan.json")
    assert again.code == 4
    assert "4 already done" in again.err


def test_at_a_terminal_it_does_not_ask(place: Place) -> None:
    place.run("plan", "--out", "plan.json")
    session = at_a_terminal(place, "apply", "plan.json", answer="")
    assert session.code == 0
    assert QUESTION not in session.seen
    assert "Done: 7 changes applied" in session.seen


def test_the_commands_that_it_tells_work_from_another_directory(place: Place) -> None:
    planned = place.run("plan", "-C", "../" + place.path.name, "--out", "a plan.json")
    assert planned.err.endswith(f"; apply it with: proca-topo apply 'a plan.json' -C ../{place.path.name}\n")


def test_the_commands_that_it_tells_name_the_broker_and_vhost_that_were_named(place: Place) -> None:
    """They are to be copied. A password in them would end up where logs go, so there is none."""
    place.write_org("acme")
    (place.path / "b.json").write_text(place.broker.read_text())
    there = ("--broker", "b.json", "--amqp", "amqp://me:secret@here", "--vhost", "proca")
    told = "--broker b.json --amqp amqp://me@here --vhost proca"
    planned = place.run("plan", *there, "--out", "plan.json")
    assert planned.err == f"Saved to plan.json; apply it with: proca-topo apply plan.json {told}\n"
    assert place.run("apply", "plan.json", *there).code == 0
    again = place.run("apply", "plan.json", *there)
    assert again.code == 4
    assert again.err.endswith(f"\nMake a new plan, and look at it: proca-topo plan {told} --out plan.json\n")
    from_environment = place.run("plan", "--out", "plan.json", PROCA_TOPO_VHOST="proca")
    assert from_environment.err == "Saved to plan.json; apply it with: proca-topo apply plan.json\n"


def test_only_a_part_of_it_done_tells_how_to_get_the_rest(place: Place) -> None:
    """As after an interruption: a saved plan is applied once, and the new one has what is left."""
    place.write_org("acme", "options: {crm: true}\n")
    place.run("plan", "--org", "acme", "--replace", "--out", "plan.json")
    place.run("apply")
    definitions = json.loads(place.broker.read_text())
    definitions["bindings"] = []
    place.broker.write_text(json.dumps(definitions))
    again = place.run("apply", "plan.json")
    assert again.code == 4
    assert "nothing was applied. Changes that differ: 2 already done, 2 different\n" in again.err
    command = "proca-topo plan --org acme --replace --out plan.json"
    assert again.err.endswith(f"\nMake a new plan, and look at it: {command}\n")
    assert place.run(*command.split()[1:]).code == 0
    assert place.run("apply", "plan.json").code == 0
    assert place.run("plan", "--org", "acme", "--detailed-exitcode").code == 0


def test_a_file_that_cannot_be_written_is_told(place: Place) -> None:
    ran = place.run("plan", "--out", "nowhere/plan.json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "error: cannot write nowhere/plan.json: No such file or directory\n"


def test_a_name_that_no_file_can_have_is_told(place: Place) -> None:
    """It is no file that exists."""
    name = "x" * 300
    ran = place.run("plan", "--out", name)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == f"error: cannot write {name}: File name too long\n"


def test_a_name_that_would_break_a_line_is_escaped(place: Place) -> None:
    ran = place.run("plan", "--out", "a\nb.json")
    assert ran.code == 0
    assert ran.err.startswith('Saved to "a\\nb.json"; apply it with: ')


@pytest.mark.parametrize("out", ["topology.yaml", "orgs/../topology.yaml", "orgs/acme.yaml", "orgs/plan.json"])
def test_it_is_no_file_of_the_spec(place: Place, out: str) -> None:
    """One word too few after --out must not cost the spec."""
    place.write_org("acme")
    files = {path: path.read_bytes() for path in place.path.rglob("*") if path.is_file()}
    ran = place.run("plan", "--out", out)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: {out} is a place of the spec's files: save the plan under another name\n"
    assert {path: path.read_bytes() for path in place.path.rglob("*") if path.is_file()} == files


@pytest.mark.parametrize("text", [b"notes\n", b"{}", b'{"vhosts": []}', b"\xff"])
def test_it_takes_the_place_of_no_other_file(place: Place, text: bytes) -> None:
    """The broker's definitions, for instance."""
    (place.path / "plan.json").write_bytes(text)
    ran = place.run("plan", "--out", "plan.json")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "error: plan.json exists and is no saved plan: remove it, or save the plan under another name\n"
    )
    assert (place.path / "plan.json").read_bytes() == text


@pytest.mark.parametrize("newer", [False, True])
def test_it_takes_the_place_of_an_older_plan(place: Place, *, newer: bool) -> None:
    """Also of one that another version wrote, and of the empty file that mktemp makes."""
    (place.path / "plan.json").write_text("")
    assert place.run("plan", "--out", "plan.json").code == 0
    saved = (place.path / "plan.json").read_text()
    if newer:
        (place.path / "plan.json").write_text(saved.replace('"format_version": 1', '"format_version": 9'))
    assert place.run("plan", "--out", "plan.json").code == 0
    assert (place.path / "plan.json").read_text() == saved


def test_it_goes_through_a_pipe(place: Place) -> None:
    fifo = place.path / "fifo"
    os.mkfifo(fifo)
    reader = subprocess.Popen(["cat", str(fifo)], stdout=subprocess.PIPE, text=True)
    assert place.run("plan", "--out", "fifo").code == 0
    (place.path / "plan.json").write_text(reader.communicate(timeout=PATIENCE)[0])
    assert place.run("apply", "plan.json").code == 0


def test_after_one_that_leaves_something_a_new_plan_is_advised(place: Place) -> None:
    place.run("apply")
    place.write_org("acme", "{}\n")
    place.run("plan", "--out", "plan.json")
    applied = place.run("apply", "plan.json", "--detailed-exitcode")
    assert (applied.code, applied.err) == (3, "")
    assert applied.out.endswith(
        "\nNothing was applied. 2 held back: what each needs is said above, and a new plan:\n"
        "  proca-topo plan --out plan.json\n"
    )
    as_json = place.run("apply", "plan.json", "--format", "json")
    assert (as_json.code, as_json.err) == (0, "")
    assert as_json.document()["outcome"] == (
        "Nothing was applied. 2 held back: what each needs is said above, and a new plan:"
        " proca-topo plan --out plan.json"
    )
