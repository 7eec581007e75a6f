"""Planning for one org reads and touches the part of the vhost that this org can live in, and nothing else."""

from pathlib import Path

import pytest

from proca_topo.errors import SpecError, UsageError
from proca_topo.spec.read import OrgSettings, load_desired, org_settings
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.existing import Scope
from proca_topo.topology.nouns import Kind
from tests.spec.bad_specs import written
from tests.spec.nouns import ROOT, bound, by_name, desired_of, queue

SPEC = """
topology: 1
owns: ["s.*", "{org}.a", "{org}.free.*", "old.{org}"]
exchanges: {s.in: {type: topic}, s.rest: {type: fanout}}
retry:
  r: {delay: 1s, fail: s.fail, wait: s.wait, return: s.return}
queues: {s.sqs: {}}
org:
  options: {a: {}, sqs: {}}
  queues: {"{org}.a": {when: a, retry: r, bindings: [{exchange: s.in, key: "{org}"}]}}
  bindings: [{queue: s.sqs, exchange: s.in, key: "{org}.sqs", when: sqs}]
"""


def test_the_scope_is_all_that_could_be_there() -> None:
    desired = desired_of(
        SPEC,
        {
            "acme": 'queues: {"{org}.free.b": {dead-letter: {exchange: s.rest}, bindings: [{exchange: billing}]}}',
            "beta": "options: {",
        },
        scope=["acme"],
    )
    assert desired.queues == by_name(queue("acme.free.b", {"x-dead-letter-exchange": "s.rest"}))
    assert desired.exchanges == {}
    assert desired.bindings == {bound("billing", "", "acme.free.b")}
    assert desired.orgs[Kind.QUEUE] == {"acme.free.b": "acme"}
    names = frozenset({"acme.a", "old.acme"})
    assert desired.scope == Scope(
        orgs=frozenset({"acme"}),
        exchanges=names,
        queues=names | {"acme.free.b"},
        policies=names,
        bindings=frozenset(
            {
                bound("s.in", "acme", "acme.a"),
                bound("s.return", "acme.a", "acme.a"),
                bound("s.in", "acme.sqs", "s.sqs"),
                bound("billing", "", "acme.free.b"),
            }
        ),
        name_patterns=(r"acme(?s:\.free\..*)",),
        reference_exchanges=frozenset({"s.in", "s.return", "s.fail", "s.rest", "billing"}),
        reference_queues=frozenset({"s.sqs", "s.wait"}),
        reference_bindings=frozenset({bound("s.fail", "#", "s.wait")}),
        shared=frozenset({"s.in", "s.rest", "s.fail", "s.return", "s.wait", "s.sqs"}),
        others={"beta": (r"beta\.a", r"beta(?s:\.free\..*)", r"old\.beta")},
    )


def test_an_org_without_a_file_has_gone_and_its_scope_is_what_it_could_have_had() -> None:
    gone = desired_of(SPEC, {"acme": ""}, scope=["gone"])
    assert gone.queues == {}
    assert gone.bindings == frozenset()
    assert gone.scope is not None
    assert gone.scope.queues == {"gone.a", "old.gone"}
    assert bound("s.in", "gone", "gone.a") in gone.scope.bindings
    assert gone.scope.name_patterns == (r"gone(?s:\.free\..*)",)


def test_the_caller_can_tell_an_org_that_has_gone_from_a_misspelt_one() -> None:
    topology = read_topology(ROOT)
    assert topology.has_org_file("acme")
    assert not topology.has_org_file("acne")
    assert not topology.has_org_file("../orgs/acme")
    assert topology.org_names() == ("acme", "greenfield")


def test_several_orgs_at_once() -> None:
    desired = desired_of(
        SPEC, {"acme": "options: {a: true}", "beta": "options: {a: true}"}, scope=["beta", "acme"]
    )
    assert desired.queues.keys() == {"acme.a", "beta.a"}
    assert desired.scope is not None
    assert desired.scope.orgs == {"acme", "beta"}


def test_an_org_that_has_gone_with_its_number_is_refused_instead_of_guessed() -> None:
    topology = read_topology(ROOT / "examples" / "pipes-3.4")
    with pytest.raises(UsageError) as refusal:
        load_desired(topology, orgs=["gone"])
    assert str(refusal.value) == (
        "org gone has no file, so its {id} is not known and its objects cannot be told; "
        "plan without --org to find what belongs to no org any more"
    )


def test_a_shared_name_is_taken_also_where_one_org_is_loaded() -> None:
    spec = 'topology: 1\nowns: ["*.sqs"]\nqueues: {system.sqs: {}}\norg: {queues: {"{org}.sqs": {}}}\n'
    with pytest.raises(SpecError, match=r"queue system\.sqs is declared twice, for this org and for all"):
        desired_of(spec, {"system": ""}, scope=["system"])


def test_the_settings_of_all_orgs_with_their_defaults(tmp_path: Path) -> None:
    spec = 'topology: 1\nowns: ["{id}"]\norg: {vars: {id: "[0-9]+"}, options: {a: {}, b: {default: true}}}'
    orgs = {"orgs/zeta.yaml": "vars: {id: 7}", "orgs/acme.yaml": 'vars: {id: "012"}\noptions: {a: true, b: false}'}
    assert org_settings(read_topology(written({"topology.yaml": spec, **orgs}, tmp_path))) == (
        OrgSettings(name="acme", options={"a": True, "b": False}, variables={"id": "012"}, path="orgs/acme.yaml"),
        OrgSettings(name="zeta", options={"a": False, "b": True}, variables={"id": "7"}, path="orgs/zeta.yaml"),
    )


def test_the_shape_of_routing_keys_is_kept_for_checks() -> None:
    assert read_topology(ROOT).routing_keys == {
        "confirm": ("org", "custom|system", "supporter|action"),
        "deliver": ("org", "custom|system", "supporter|action"),
    }


@pytest.mark.parametrize("acme", [{"acme": ""}, {}])
def test_what_another_org_may_have_is_not_in_scope(acme: dict[str, str]) -> None:
    """A glob of acme's matches it too."""
    spec = """
topology: 1
owns: [x, "{org}-*"]
exchanges: {x: {type: topic}}
org:
  queues: {"{org}-in": {}, "{org}-uk-out": {}}
"""
    scope = desired_of(spec, {**acme, "acme-uk": ""}, scope=["acme"]).scope
    assert scope is not None
    assert not scope.covers("acme-uk-in")
    assert scope.covers("acme-in")
    assert scope.covers("acme-old")


def test_nor_is_what_another_one_may_have_by_its_number() -> None:
    spec = """
topology: 1
owns: ["{id}-*", "old.{org}.{id}"]
org:
  vars: {id: "[0-9]+(-[0-9]+)*"}
  queues: {"{id}-in": {}}
"""
    orgs = {"acme": 'vars: {id: "1"}', "beta": 'vars: {id: "1-2"}'}
    scope = desired_of(spec, orgs, scope=["acme"]).scope
    assert scope is not None
    assert not scope.covers("1-2-in")
    assert not scope.covers("1-2-old")
    assert scope.covers("1-in")
    assert scope.covers("1-3-in")
    with pytest.raises(SpecError, match=r"orgs/beta\.yaml:1:1: unknown key var; did you mean vars"):
        desired_of(spec, {**orgs, "beta": "var: {id: 1-2}"}, scope=["acme"])


def test_nor_is_what_is_declared_for_all() -> None:
    spec = """
topology: 1
owns: [acme.journal, "{org}.*", "{org}-rest"]
exchanges: {acme.in: {type: topic}, acme-rest: {type: fanout}}
queues: {acme.log: {renamed_from: acme.journal, bindings: [{exchange: acme.in, key: "#"}]}}
policies: {acme.limit: {pattern: ^acme, definition: {max-length: 10}}}
org:
  queues: {"{org}.mail": {}}
"""
    for orgs in ({"acme": ""}, {}):
        scope = desired_of(spec, orgs, scope=["acme"]).scope
        assert scope is not None
        shared = ("acme.in", "acme-rest", "acme.log", "acme.journal", "acme.limit")
        assert not any(scope.covers(name) for name in shared)
        assert not scope.holds(bound("acme.in", "#", "acme.log"))
        assert {policy.name for policy in scope.reference_policies} == {"acme.limit"}
        assert scope.covers("acme.mail")
        assert scope.covers("acme.old")


def test_nor_is_a_name_that_no_org_declares_any_more_and_another_one_does() -> None:
    spec = """
topology: 1
owns: ["{org}-in", "{org}-uk-in"]
org:
  queues: {"{org}-in": {}}
"""
    for orgs in ({"acme": "", "acme-uk": ""}, {"acme-uk": ""}):
        scope = desired_of(spec, orgs, scope=["acme"]).scope
        assert scope is not None
        assert not scope.covers("acme-uk-in")
        assert scope.covers("acme-in")
    alone = desired_of(spec, {"acme": ""}, scope=["acme"]).scope
    assert alone is not None
    assert alone.covers("acme-uk-in")
