"""What an org has of the template, and what it adds."""

import pytest

from proca_topo.topology.nouns import Binding, Kind
from tests.spec.nouns import bound, desired_of, linked, retried

WHEN = """
topology: 1
owns: ["{org}.*", sqs]
queues: {sqs: {}}
org:
  options: {x: {}, q: {}, one: {}, two: {}, always: {default: true}}
  exchanges:
    "{org}.x": {type: topic, when: x}
    "{org}.y": {type: topic, when: [one, two], bindings: [{exchange: "{org}.x", key: e}]}
  retry:
    r: {delay: 1s, fail: "{org}.fail", wait: "{org}.wait", return: "{org}.return", when: [q, two]}
  queues:
    "{org}.q": {when: q, retry: r, bindings: [{exchange: "{org}.x", key: k}, {exchange: amq.topic, when: always}]}
  bindings:
    - {queue: "{org}.q", exchange: "{org}.y", key: f, when: one}
    - {queue: sqs, exchange: "{org}.y", key: s}
"""


@pytest.mark.parametrize(
    ("on", "names", "bindings"),
    [
        ("", "", []),
        ("x", "x", []),
        (
            "q",
            "q fail wait return",
            [
                bound("acme.fail", "#", "acme.wait"),
                bound("acme.return", "acme.q", "acme.q"),
                bound("amq.topic", "", "acme.q"),
            ],
        ),
        ("one", "y", [bound("acme.y", "s", "sqs")]),
        (
            "two x",
            "y x fail wait return",
            [bound("acme.y", "s", "sqs"), linked("acme.x", "e", "acme.y"), bound("acme.fail", "#", "acme.wait")],
        ),
        (
            "x q one two",
            "x y q fail wait return",
            [
                linked("acme.x", "e", "acme.y"),
                bound("acme.x", "k", "acme.q"),
                bound("amq.topic", "", "acme.q"),
                bound("acme.y", "f", "acme.q"),
                bound("acme.y", "s", "sqs"),
                bound("acme.fail", "#", "acme.wait"),
                bound("acme.return", "acme.q", "acme.q"),
            ],
        ),
    ],
)
def test_a_binding_is_there_if_it_and_both_its_ends_are(on: str, names: str, bindings: list[Binding]) -> None:
    options = ", ".join(f"{option}: true" for option in on.split())
    desired = desired_of(WHEN, {"acme": f"options: {{{options}}}"})
    assert {*desired.exchanges, *desired.queues} - {"sqs"} == {f"acme.{name}" for name in names.split()}
    assert desired.bindings == set(bindings)


def test_a_default_can_be_switched_off() -> None:
    desired = desired_of(WHEN, {"acme": "options: {q: true, always: false}"})
    assert bound("amq.topic", "", "acme.q") not in desired.bindings


def test_an_org_has_extra_queues_and_bindings_of_its_own() -> None:
    desired = desired_of(
        WHEN,
        {
            "acme": """
options: {two: true}
queues:
  "{org}.news": {retry: r, bindings: [{exchange: amq.topic, key: "{org}.news"}, {exchange: "{org}.x", key: "off"}]}
bindings:
  - {queue: sqs, exchange: "acme.y", key: "acme.extra"}
  - {queue: "acme.q", exchange: amq.topic, key: "off too"}
""",
            "beta": "",
        },
    )
    assert desired.queues["acme.news"] == retried("acme.news", "acme.fail")
    assert desired.orgs[Kind.QUEUE]["acme.news"] == "acme"
    assert desired.bindings == {
        bound("acme.y", "s", "sqs"),
        bound("acme.y", "acme.extra", "sqs"),
        bound("amq.topic", "acme.news", "acme.news"),
        bound("acme.return", "acme.news", "acme.news"),
        bound("acme.fail", "#", "acme.wait"),
    }
