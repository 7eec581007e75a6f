"""The commands on a real RabbitMQ."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.brokers.fixtures import TestBroker
from tests.cli.command import Place, Ran

pytestmark = pytest.mark.broker


class LivePlace:
    """A directory with a spec, and a vhost on a real broker."""

    def __init__(self, place: Place, broker: TestBroker, vhost: str) -> None:
        self.place = place
        self.broker = broker
        self.vhost = vhost

    def run(self, *arguments: str, **environment: str) -> Ran:
        return self.place.run(
            *arguments,
            PROCA_TOPO_BROKER=self.broker.management_url,
            PROCA_TOPO_AMQP=self.broker.amqp_url,
            PROCA_TOPO_USERNAME=self.broker.username,
            PROCA_TOPO_PASSWORD=self.broker.password,
            **{"PROCA_TOPO_VHOST": self.vhost, **environment},
        )

    def get(self, path: str) -> Any:
        with self.broker.http() as http:
            return http.get(f"/api/{path}").raise_for_status().json()


@pytest.fixture
def live(place: Place, broker_urls: TestBroker, vhost: str) -> LivePlace:
    return LivePlace(place, broker_urls, vhost)


def test_plan_apply_plan(live: LivePlace) -> None:
    applied = live.run("apply")
    assert (applied.code, applied.err) == (0, "")
    assert applied.out.endswith("Done: 7 changes applied and read back. Nothing is pending.\n")
    again = live.run("plan", "--detailed-exitcode")
    assert again.code == 0
    assert again.out.splitlines()[0] == (
        f"Plan for vhost {live.vhost} on {live.broker.management_url} (RabbitMQ {live.broker.version})"
    )
    assert again.out.splitlines()[-1] == "No changes. 7 objects are as desired."


def test_another_broker_on_the_command_line_leaves_the_environments_amqp_port_aside(live: LivePlace) -> None:
    """It belongs to the environment's broker, which was not meant. Given beside it, it is."""
    live.run("apply")
    push = ("push", "deliver", "acme.custom.action", "{}", "--broker", "http://nowhere.invalid")
    lost = live.run(*push)
    assert lost.code == 1
    assert lost.err.startswith("error: the host name in amqp://nowhere.invalid:5672 cannot be resolved")
    sent = live.run(*push, "--amqp", live.broker.amqp_url)
    assert (sent.code, sent.err) == (0, "")


def test_a_missing_vhost_is_made_only_when_asked_for(live: LivePlace) -> None:
    name = f"{live.vhost}-new"
    refused = live.run("apply", "--vhost", name)
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.endswith(
        "; apply --create-vhost makes it, and plan --create-vhost shows what would be in it\n"
    )
    planned = live.run("plan", "--vhost", name, "--create-vhost", "--detailed-exitcode")
    assert (planned.code, planned.err) == (3, "")
    assert "There is no such vhost yet: apply --create-vhost makes it." in planned.out.splitlines()
    assert planned.out.endswith("Plan: 7 to declare; 0 unchanged.\n")
    made = live.run("apply", "--vhost", name, "--create-vhost")
    try:
        assert (made.code, made.err) == (0, f"Made the vhost {name}.\n")
        assert len(live.get(f"queues/{name}")) == 3
    finally:
        with live.broker.http() as http:
            http.delete(f"/api/vhosts/{name}").raise_for_status()


def test_a_queue_with_messages_is_retired_and_a_later_apply_finishes_it(live: LivePlace) -> None:
    live.run("apply")
    live.run("push", "deliver", "acme.custom.action", "{}")
    live.place.write_org("acme", "{}\n")
    ran = live.run("apply", "--prune", "--detailed-exitcode")
    assert ran.code == 3
    assert (
        """
Draining: 1
  > queue    acme.crm
      1 message in it
"""
        in ran.out
    )
    assert ran.out.endswith("""\
Done: 1 change applied and read back. 1 draining: once that is over, the same
command finishes it.
""")
    with live.broker.http() as http:
        http.delete(f"/api/queues/{live.vhost}/acme.crm/contents").raise_for_status()
    assert live.run("apply", "--prune", "--detailed-exitcode").code == 0
    assert "acme.crm" not in [queue["name"] for queue in live.get(f"queues/{live.vhost}")]


def test_a_saved_plan_is_applied_whatever_the_counts_but_not_where_a_deletion_became_a_retirement(
    live: LivePlace,
) -> None:
    live.run("apply")
    live.place.write_org("acme", "{}\n")
    live.run("plan", "--prune", "--out", "plan.json")
    text = (live.place.path / "plan.json").read_text()
    assert json.loads(text)["broker"]["location"] == live.broker.management_url
    live.run("push", "deliver", "acme.custom.action", "{}")
    stale = live.run("apply", "plan.json")
    assert (stale.code, stale.out) == (4, "")
    assert "  > queue    acme.crm  different: to retire now (1 message in it), it was to delete\n" in stale.err
    live.run("plan", "--prune", "--out", "plan.json")
    with live.broker.http() as http:
        body = {"properties": {}, "routing_key": "acme.crm", "payload": "{}", "payload_encoding": "string"}
        http.post(f"/api/exchanges/{live.vhost}/amq.default/publish", json=body).raise_for_status()
    applied = live.run("apply", "plan.json", "--detailed-exitcode")
    assert applied.code == 3
    assert "2 messages in it" in applied.out
    with live.broker.http() as http:
        http.delete(f"/api/queues/{live.vhost}/acme.crm/contents").raise_for_status()
    live.run("plan", "--prune", "--out", "plan.json")
    done = live.run("apply", "plan.json", "--detailed-exitcode")
    assert (done.code, done.err) == (0, "")
    assert "acme.crm" not in [queue["name"] for queue in live.get(f"queues/{live.vhost}")]


def test_an_apply_of_a_saved_plan_that_waits_counts_what_it_retires_as_deleted(live: LivePlace) -> None:
    """As one without a saved plan does, since that is what becomes of it."""
    spec = live.place.path / "topology.yaml"
    spec.write_text(spec.read_text().replace('"{org}.crm"]', '"{org}.crm", "{org}.extra.*"]', 1))
    live.place.write_org("acme", "queues:\n" + "".join(f'  "{{org}}.extra.{n}": {{}}\n' for n in range(12)))
    live.run("apply")
    with live.broker.http() as http:
        for n in range(12):
            body = {
                "properties": {},
                "routing_key": f"acme.extra.{n}",
                "payload": "",
                "payload_encoding": "string",
            }
            http.post(f"/api/exchanges/{live.vhost}/amq.default/publish", json=body).raise_for_status()
    live.place.write_org("acme")
    assert live.run("plan", "--prune", "--out", "plan.json").code == 0
    for apply in (("apply", "--prune"), ("apply", "plan.json")):
        refused = live.run(*apply, "--wait", "1s")
        assert refused.code == 4
        assert "the plan deletes, some of it once it has drained, or replaces 12 of 17 objects" in refused.err
    accepted = live.run("apply", "plan.json", "--wait", "1s", "--allow-deletes", "12")
    assert accepted.code == 0


def test_push_says_whether_a_queue_has_it(live: LivePlace) -> None:
    live.run("apply")
    body = '{"actionId": 1, "name": "é"}'
    sent = live.run("push", "deliver", "acme.custom.action", body)
    assert (sent.code, sent.err) == (0, "")
    assert sent.out == f"Published {len(body.encode())} bytes to deliver with key acme.custom.action.\n"
    with live.broker.http() as http:
        [message] = http.post(
            f"/api/queues/{live.vhost}/acme.crm/get",
            json={"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"},
        ).json()
    assert json.loads(message["payload"]) == json.loads(body)
    assert message["properties"]["delivery_mode"] == 2
    lost = live.run("push", "deliver", "nobody.custom.action", "{}")
    assert (lost.code, lost.out) == (1, "")
    assert lost.err.startswith("error: ")
    assert "nobody.custom.action" in lost.err


@pytest.mark.parametrize("where", ["definitions", "definitions/{vhost}"])
def test_an_export_imports(live: LivePlace, tmp_path: Path, where: str) -> None:
    """What RabbitMQ made of our export leaves nothing to do."""
    live.place.write_org("beta", "options: {crm: true, sqs: true}\n")
    live.run("export", "--out", "definitions.json")
    text = (tmp_path / "definitions.json").read_bytes()
    with live.broker.http() as http:
        path = f"/api/{where.format(vhost=live.vhost)}"
        http.post(path, content=text, headers={"content-type": "application/json"}).raise_for_status()
    planned = live.run("plan", "--detailed-exitcode")
    assert planned.code == 0
    assert planned.out.endswith("No changes. 12 objects are as desired.\n")


def test_verbose_shows_requests_and_no_secrets(live: LivePlace) -> None:
    ran = live.run("plan", "-v")
    assert ran.code == 0
    assert "GET " in ran.err
    assert "/api/" in ran.err
    assert f":{live.broker.password}@" not in ran.err
    assert "uthorization" not in ran.err


def test_a_wrong_password_is_a_failure_and_stays_secret(live: LivePlace) -> None:
    ran = live.place.run(
        "plan",
        PROCA_TOPO_BROKER=live.broker.management_url,
        PROCA_TOPO_USERNAME="x",
        PROCA_TOPO_PASSWORD="tops3cret",
    )
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: ")
    assert "tops3cret" not in ran.err


def test_another_cluster_is_refused_and_gets_no_vhost(live: LivePlace) -> None:
    spec = live.place.path / "topology.yaml"
    text = spec.read_text()
    spec.write_text(f"{text}cluster: rabbit@elsewhere\n")
    for command in (("plan",), ("apply",), ("apply", "--vhost", "never", "--create-vhost")):
        ran = live.run(*command)
        assert (ran.code, ran.out) == (4, "")
        assert ran.err.startswith("error: nothing was done: this spec is for the cluster rabbit@elsewhere, and ")
    assert "never" not in [vhost["name"] for vhost in live.get("vhosts")]
    name = live.get("overview")["cluster_name"]
    spec.write_text(f'{text}cluster: "{name}"\n')
    assert live.run("apply").code == 0


def test_deletions_of_one_org_are_measured_by_the_whole_vhost(live: LivePlace) -> None:
    spec = live.place.path / "topology.yaml"
    spec.write_text(spec.read_text().replace('"{org}.crm"]', '"{org}.crm", "{org}.extra.*"]', 1))
    live.place.write_org("acme", "queues:\n" + "".join(f'  "{{org}}.extra.{n}": {{}}\n' for n in range(12)))
    for org in ("beta", "gamma", "delta", "eta", "zeta", "theta", "iota", "kappa"):
        live.place.write_org(org, "options: {crm: true}\n")
    assert live.run("apply").code == 0
    live.place.write_org("acme")
    planned = live.run("plan", "--org", "acme", "--prune", "--format", "json").document()
    assert (planned["summary"]["delete"], planned["refused"]) == (12, None)
    for org in ("gamma", "delta", "eta", "zeta", "theta", "iota", "kappa"):
        (live.place.path / "orgs" / f"{org}.yaml").unlink()
    refused = live.run("apply", "--prune")
    assert refused.code == 4
    assert "the plan deletes or replaces 40 of 49 objects" in refused.err
    asked = ("--org", "gamma", "--org", "delta", "--prune")
    assert live.run("apply", *asked).code == 0
