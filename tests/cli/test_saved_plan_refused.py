"""What apply FILE refuses at once, and which file it takes for no plan."""

import json

import pytest

from tests.cli.command import Place


def test_it_is_refused_where_it_deletes_more_than_the_command_line_accepts(place: Place) -> None:
    """Also where it was accepted when it was made."""
    place.run("apply")
    place.write_org("acme", "{}\n")
    place.run("plan", "--prune", "--out", "plan.json")
    refused = place.run("apply", "plan.json", "--allow-deletes", "1")
    assert refused.code == 4
    assert "the plan deletes or replaces 2 of 7 objects that exist and are ours" in refused.err
    assert place.run("apply", "plan.json", "--allow-deletes", "2").code == 0


@pytest.mark.parametrize(
    ("made_with", "asked", "said"),
    [
        ((), ("--org", "acme"), "is a plan for the whole vhost: leave out --org, or make another plan with it"),
        (("--org", "acme"), ("--org", "beta"), "is a plan only for acme: leave out --org, or make another plan"),
        ((), ("--prune",), "is a plan without --prune: leave that out, or make another plan with it"),
        ((), ("--create-vhost",), "is a plan for a vhost that is there: leave out --create-vhost"),
    ],
)
def test_options_that_contradict_it_are_wrong(
    place: Place, made_with: tuple[str, ...], asked: tuple[str, ...], said: str
) -> None:
    place.run("plan", *made_with, "--out", "plan.json")
    ran = place.run("apply", "plan.json", *asked)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: plan.json {said}")


def test_it_is_for_one_broker_and_one_vhost(place: Place) -> None:
    place.run("plan", "--out", "plan.json")
    (place.path / "copy.json").write_bytes(place.broker.read_bytes())
    start = "error: plan.json is not a plan for here, and nothing was applied: "
    moved = place.run("apply", "plan.json", "--broker", "copy.json")
    assert (moved.code, moved.out) == (4, "")
    assert moved.err == f"{start}it is for the broker broker.json, and this is copy.json\n"
    nowhere = place.run("apply", "plan.json", "--broker", "http://user:secret@127.0.0.1:9")
    assert nowhere.err == f"{start}it is for the broker broker.json, and this is http://127.0.0.1:9\n"
    for ran in (
        place.run("apply", "plan.json", "--vhost", "other"),
        place.run("apply", "plan.json", PROCA_TOPO_VHOST="other"),
    ):
        assert (ran.code, ran.err) == (4, f"{start}it is for the vhost proca, and other is asked for\n")
    topology = place.path / "topology.yaml"
    topology.write_text(topology.read_text().replace("vhost: proca", "vhost: elsewhere"))
    renamed = place.run("apply", "plan.json")
    assert (renamed.code, renamed.err) == (4, f"{start}it is for the vhost proca, and elsewhere is asked for\n")
    assert place.run("apply", "plan.json", "--vhost", "proca").code == 0


def test_a_vhost_that_is_gone_makes_it_stale(place: Place) -> None:
    """--create-vhost cannot be given with it, so nothing advises that."""
    place.run("plan", "--out", "plan.json")
    place.broker.write_text(json.dumps({"vhosts": [{"name": "another"}]}))
    before = place.broker.read_bytes()
    for arguments in ((), ("--no-lock",)):
        refused = place.run("apply", "plan.json", *arguments)
        assert (refused.code, refused.out) == (4, "")
        assert refused.err == (
            "error: plan.json is not the plan any more, and nothing was applied:"
            " there is no vhost 'proca' in broker.json (it has: another), and there was one when it was saved;"
            " apply --create-vhost without that file makes it anew\n"
        )
    assert place.broker.read_bytes() == before


def test_what_it_replaces_needs_the_lock(place: Place) -> None:
    """It is as true as it was: a new plan would be refused for the same reason."""
    place.run("apply")
    topology = place.path / "topology.yaml"
    topology.write_text(topology.read_text().replace("system.sqs: {}", "system.sqs: {max-length: 10}"))
    place.run("plan", "--out", "held.json")
    place.run("plan", "--replace", "--out", "plan.json")
    refused = place.run("apply", "plan.json", "--no-lock")
    assert (refused.code, refused.out) == (4, "")
    assert refused.err == (
        "error: nothing was applied: plan.json replaces system.sqs, which moves messages, and two that do that at"
        " a time could lose some: leave out --no-lock\n"
    )
    assert place.run("apply", "held.json", "--no-lock").code == 0
    assert place.run("apply", "plan.json").code == 0


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("nothing.json", "cannot read the plan nothing.json: No such file or directory"),
        ("orgs", "cannot read the plan orgs: Is a directory"),
        (
            "topology.yaml",
            "topology.yaml is no plan that plan --out has written: it looks like a part of the spec",
        ),
        (
            "orgs/acme.yaml",
            "orgs/acme.yaml is no plan that plan --out has written: it looks like a part of the spec",
        ),
        ("broker.json", "broker.json is no plan that plan --out has written: it looks like RabbitMQ definitions"),
        ("binary", "binary is no plan that plan --out has written: it is not UTF-8"),
    ],
)
def test_what_is_no_plan_is_wrong(place: Place, file: str, said: str) -> None:
    (place.path / "binary").write_bytes(b"\xff\xfe")
    ran = place.run("apply", file)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {said}")
