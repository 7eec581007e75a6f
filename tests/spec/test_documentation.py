"""The YAML in docs/spec.md is what it says."""

import re
from typing import Final

import pytest

from proca_topo.spec.documents import OrgDoc
from proca_topo.spec.parts import CircuitDoc, Document, ExchangeDoc, QueueDoc, RouteDoc
from tests.spec.nouns import ROOT, bound, desired_of

TEXT: Final = (ROOT / "docs" / "spec.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_the_first_example_is_a_whole_spec() -> None:
    desired = desired_of(BLOCKS[0])
    assert desired.queues.keys() == {"system.email.confirm", "system.sqs"}
    assert desired.bindings == {bound("confirm", "*.system.supporter", "system.email.confirm")}


def test_a_circuit_is_added_to_it() -> None:
    desired = desired_of(f'topology: 1\nowns: ["system.*"]\n{BLOCKS[1]}')
    assert desired.exchanges.keys() == {"system.fail", "system.retry"}
    assert desired.queues.keys() == {"system.retry", "system.email.confirm"}


def test_the_template_and_an_org_of_it() -> None:
    shared = "topology: 1\nexchanges: {deliver: {type: topic}}\nqueues: {system.sqs: {}}\n"
    template = BLOCKS[2].replace('"{org}.crm"]', '"{org}.crm", "{org}.newsletter"]')
    assert template != BLOCKS[2]
    desired = desired_of(shared + template, {"acme": BLOCKS[3]})
    assert desired.queues.keys() == {"system.sqs", "acme.moderate", "acme.crm", "acme.newsletter"}


def test_what_is_meant_so() -> None:
    assert desired_of(f'topology: 1\nowns: ["system.*"]\n{BLOCKS[4]}').queues.keys() == {"system.manual"}


def test_a_variable_and_an_org_that_sets_it() -> None:
    desired = desired_of(f'topology: 1\nowns: ["wrk.{{id}}.sqs"]\n{BLOCKS[5]}', {"acme": BLOCKS[6]})
    assert desired.queues.keys() == {"wrk.42.sqs"}


def test_route_contracts() -> None:
    owned = 'topology: 1\nowns: ["*"]\nexchanges: {deliver: {type: topic}}\nqueues: {system.email.thankyou: {}}\n'
    template = '  options: {crm: {}}\n  queues: {"{org}.crm": {when: crm}}\n'
    desired = desired_of(f"{owned}{BLOCKS[7]}{template}", {"acme": "options: {crm: true}"}, with_routes=True)
    assert [sorted(one.reaches) for one in desired.routes] == [
        ["system.email.thankyou"],
        ["acme.crm", "system.email.thankyou"],
        ["system.email.thankyou"],
    ]
    assert len(BLOCKS) == 8, "every example is read here"


@pytest.mark.parametrize(
    ("heading", "model"),
    [
        ("orgs/ORG.yaml", OrgDoc),
        ("Exchange", ExchangeDoc),
        ("Queue", QueueDoc),
        ("Retry circuit", CircuitDoc),
        ("Route contract", RouteDoc),
    ],
)
def test_the_tables_have_every_key_and_no_other(heading: str, model: type[Document]) -> None:
    section = TEXT.partition(f"\n### {heading}\n")[2].partition("\n#")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    listed = {key for cell in cells for key in re.findall(r"`([\w-]+)", cell)}
    assert listed == {info.alias for info in model.model_fields.values()}
