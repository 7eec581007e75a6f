"""Route contracts in a spec, expanded for each org."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.route_contracts import After, RouteContract
from proca_topo.topology.routing.matching import Message
from tests.spec.bad_specs import written

SPEC: Final = """\
topology: 1
owns: ["system.*", deliver, "{org}.*"]
exchanges: {deliver: {type: topic}}
queues: {system.mail: {}}
routes:
  - {name: mails, publish: {exchange: deliver, key: a.b, headers: {kind: share, n: 3}}, reaches: [system.mail]}
  - {publish: {exchange: "", key: system.mail}, after: expired, reaches: []}
org:
  vars: {id: "[0-9]+"}
  options: {crm: {default: false}, sqs: {default: false}}
  queues:
    "{org}.crm": {}
    "{org}.own": {}
  routes:
    - name: "what {org} gets"
      publish: {exchange: deliver, key: "{id}.{{x}}", headers: {org: "{org}"}}
      reaches: [system.mail, {queue: "{org}.crm", when: crm}, {queue: "{org}.own", when: [crm, sqs]}]
    - {publish: {exchange: deliver, key: "{org}.y"}, reaches: ["{org}.crm"], after: rejected, when: sqs}
"""


def contracts_of(topology: str, orgs: Mapping[str, str]) -> tuple[RouteContract, ...]:
    files = {"topology.yaml": topology, **{f"orgs/{org}.yaml": text for org, text in orgs.items()}}
    with tempfile.TemporaryDirectory() as directory:
        read = read_topology(written(files, Path(directory)))
        assert load_desired(read).routes == (), "they cost time, and are expanded for who asks only"
        return load_desired(read, with_routes=True).routes


def test_what_is_shared_comes_once() -> None:
    assert contracts_of(SPEC, {}) == (
        RouteContract(
            name="mails",
            exchange="deliver",
            message=Message(routing_key="a.b", headers={"kind": "share", "n": 3}),
            reaches=frozenset({"system.mail"}),
            place="topology.yaml:6:5",
        ),
        RouteContract(
            exchange="",
            message=Message(routing_key="system.mail"),
            reaches=frozenset(),
            after=After.EXPIRED,
            place="topology.yaml:7:5",
        ),
    )


def test_the_templates_are_filled_in_for_each_org_with_what_it_has_switched_on() -> None:
    found = contracts_of(SPEC, {"acme": "vars: {id: 7}", "beta": "vars: {id: 8}\noptions: {sqs: true}"})[2:]
    assert found == (
        RouteContract(
            name="what acme gets",
            org="acme",
            exchange="deliver",
            message=Message(routing_key="7.{x}", headers={"org": "acme"}),
            reaches=frozenset({"system.mail"}),
            place="topology.yaml:15:7",
        ),
        RouteContract(
            name="what beta gets",
            org="beta",
            exchange="deliver",
            message=Message(routing_key="8.{x}", headers={"org": "beta"}),
            reaches=frozenset({"system.mail", "beta.own"}),
            place="topology.yaml:15:7",
        ),
        RouteContract(
            org="beta",
            exchange="deliver",
            message=Message(routing_key="beta.y"),
            reaches=frozenset({"beta.crm"}),
            after=After.REJECTED,
            place="topology.yaml:18:7",
        ),
    )


def test_an_org_has_contracts_of_its_own_in_its_file() -> None:
    own = """\
vars: {id: 7}
options: {crm: true}
queues: {"{org}.news": {bindings: [{exchange: deliver, key: news.#}]}}
routes:
  - {publish: {exchange: deliver, key: "news.{id}"}, reaches: ["{org}.news", {queue: system.mail, when: sqs}]}
  - {publish: {exchange: amq.topic, key: x}, reaches: [], when: sqs}
"""
    assert contracts_of(SPEC, {"acme": own})[3:] == (
        RouteContract(
            org="acme",
            exchange="deliver",
            message=Message(routing_key="news.7"),
            reaches=frozenset({"acme.news"}),
            place="orgs/acme.yaml:5:5",
        ),
    )
