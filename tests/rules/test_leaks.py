"""Who gets another org's messages is told (PT304), and nobody else."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proca_topo.rules.coded.pt304 import RULE
from proca_topo.rules.subject import Subject
from proca_topo.spec.findings import PlacedFinding
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding, Exchange, Kind, Queue
from proca_topo.topology.ownership import Ownership
from proca_topo.topology.routing.topics import covers, topic_matches, words_of
from tests.rules.test_rules import ROOT, checked

OURS: Final = (ROOT / "topology.yaml").read_text()
OWNS: Final = '"{org}.crm"\n'


def leaks(directory: Path, topology: str, orgs: Mapping[str, str]) -> list[PlacedFinding]:
    """What is told of these orgs."""
    (directory / "topology.yaml").write_text(topology)
    (directory / "orgs").mkdir()
    for org, text in orgs.items():
        (directory / "orgs" / f"{org}.yaml").write_text(text)
    return [one for one in checked(directory) if one.code == "PT304"]


def extra(key: str, exchange: str = "deliver") -> str:
    """The file of an org with one more queue."""
    return f'queues: {{"{{org}}.extra": {{bindings: [{{exchange: {exchange}, key: "{key}"}}]}}}}\n'


def ours(template: str = "") -> str:
    """The shipped topology, in which orgs may have one more queue."""
    first = '    "{org}.confirm": {bindings'
    return OURS.replace(OWNS, OWNS + '  - "{org}.extra"\n').replace(first, template + first)


@pytest.mark.parametrize(
    ("key", "exchange", "told"),
    [
        ("#", "deliver", "leads acme.custom.supporter to evil too, which is meant for acme"),
        ("*.*.action", "deliver", "leads acme.custom.action to evil too, which is meant for acme"),
        ("*.custom.#", "deliver", "leads acme.custom.supporter to evil too, which is meant for acme"),
        ("#.action", "deliver", "leads acme.custom.action to evil too, which is meant for acme"),
        ("#.acme.#", "deliver", "leads acme.custom.supporter to evil too, which is meant for acme"),
        ("acme.*.*", "deliver", "leads acme.*.* to evil too, which is meant for acme"),
        ("acme.#", "deliver", "leads acme.# to evil too, which is meant for acme"),
        ("acme.custom.action", "confirm", "leads acme.custom.action to evil too, which is meant for acme"),
    ],
)
@pytest.mark.parametrize("crm", ["true", "false"])
def test_an_org_that_takes_what_is_for_others_is_told(
    key: str, exchange: str, told: str, crm: str, tmp_path: Path
) -> None:
    """Also where nobody else is bound to the exchange: the spec says where the keys have the org."""
    found = leaks(tmp_path, ours(), {"acme": f"options: {{crm: {crm}}}", "evil": extra(key, exchange)})
    assert [(one.org, one.file, one.text) for one in found] == [("evil", "orgs/evil.yaml", told)]


@pytest.mark.parametrize("key", ["evil.#", "evil.*.*", "evil.custom.action", "evil.*.action"])
def test_an_org_that_takes_what_is_its_own_is_not(key: str, tmp_path: Path) -> None:
    assert leaks(tmp_path, ours(), {"acme": "options: {crm: true}", "evil": extra(key)}) == []


def test_an_org_alone_gets_nothing_of_others(tmp_path: Path) -> None:
    assert leaks(tmp_path, ours(), {"evil": extra("#")}) == []


def test_a_template_that_gives_everything_to_all_orgs_is_told_once(tmp_path: Path) -> None:
    template = '    "{org}.extra": {bindings: [{exchange: deliver, key: "*.custom.#"}]}\n'
    (found,) = leaks(tmp_path, ours(template), {"acme": "", "beta": "options: {crm: true}", "gamma": ""})
    assert (found.file, found.org_count) == ("topology.yaml", 3)
    assert found.text == "leads beta.custom.supporter to acme too, which is meant for beta"


SPEC: Final = """\
topology: 1
owns: [in, out, "{org}.*"%s]
exchanges: {in: {type: %s}}
%s
"""
TWO: Final = {"acme": "", "beta": ""}


def spec(template: str, *, kind: str = "topic", owns: str = "") -> str:
    """One exchange, and a template."""
    return SPEC % (owns, kind, "org:\n" + template)


def mail(key: str) -> str:
    """A queue of each org, bound with this key."""
    return f'  queues: {{"{{org}}.mail": {{bindings: [{{exchange: in, key: "{key}"}}]}}}}\n'


def test_without_the_shape_of_keys_the_other_bindings_tell_where_they_have_the_org(tmp_path: Path) -> None:
    found = leaks(tmp_path, spec(mail("mail.{org}.*")), {"acme": "", "evil": extra("mail.*.sent", "in")})
    assert [one.text for one in found] == ["leads mail.acme.sent to evil too, which is meant for acme"]


@pytest.mark.parametrize("key", ["news.#", "mail.evil.sent", "mail.nobody.*", "*.news"])
def test_what_is_no_key_of_another_org_is_not_told(key: str, tmp_path: Path) -> None:
    assert leaks(tmp_path, spec(mail("mail.{org}.*")), {"acme": "", "evil": extra(key, "in")}) == []


def test_where_names_are_counted_from_the_end(tmp_path: Path) -> None:
    found = leaks(tmp_path, spec(mail("#.{org}")), {"acme": "", "evil": extra("mail.*", "in")})
    assert [one.text for one in found] == ["leads mail.acme to evil too, which is meant for acme"]


def test_a_name_in_another_place_than_most_have_it_is_none(tmp_path: Path) -> None:
    found = leaks(tmp_path, spec(mail("{org}.*")), {"acme": "", "beta": "", "evil": extra("*.evil", "in")})
    assert [(one.org, one.text) for one in found] == [
        ("evil", "leads acme.evil to evil too, which is meant for acme")
    ]


@pytest.mark.parametrize(("key", "count"), [("acme", 1), ("*", 0), ("evil", 0), ("news", 0)])
def test_a_direct_exchange_knows_no_wildcards(key: str, count: int, tmp_path: Path) -> None:
    found = leaks(tmp_path, spec(mail("{org}"), kind="direct"), {"acme": "", "evil": extra(key, "in")})
    assert len(found) == count
    assert all(one.text == "leads acme to evil too, which is meant for acme" for one in found)


def test_a_variables_value_is_as_good_as_a_name(tmp_path: Path) -> None:
    template = '  vars: {id: "[0-9]+"}\n' + mail("{id}.*")
    found = leaks(
        tmp_path, spec(template), {"acme": "vars: {id: 1}", "evil": "vars: {id: 2}\n" + extra("1.a", "in")}
    )
    assert [one.text for one in found] == ["leads 1.a to evil too, which is meant for acme"]


def test_a_shape_can_name_the_variable(tmp_path: Path) -> None:
    template = '  vars: {id: "[0-9]+"}\n' + mail("*.{id}")
    shaped = spec(template).replace("{type: topic}", "{type: topic, keys: [what, id]}")
    assert leaks(tmp_path, shaped, {"acme": "vars: {id: 1}", "beta": "vars: {id: 2}"}) == []


@pytest.mark.parametrize("key", ["news.#", "#", "news"])
def test_what_is_sent_to_all_orgs_is_nobodys(key: str, tmp_path: Path) -> None:
    """Also where an org is named like a word of it."""
    assert leaks(tmp_path, spec(mail(key)), {"acme": "", "beta": "", "news": ""}) == []


def test_a_key_that_only_one_org_takes_is_its_own(tmp_path: Path) -> None:
    found = leaks(
        tmp_path, spec(mail("a.b")), {"acme": extra("campaign.signed", "in"), "evil": extra("campaign.#", "in")}
    )
    assert [(one.org, one.text) for one in found] == [
        ("evil", "leads campaign.signed to evil too, which is meant for acme")
    ]


def test_a_key_that_all_orgs_take_is_nobodys_own(tmp_path: Path) -> None:
    assert leaks(tmp_path, spec(mail("news.all")), {"acme": extra("news.#", "in"), "beta": ""}) == []


def test_an_exchange_of_the_org_has_nothing_of_others(tmp_path: Path) -> None:
    template = """\
  exchanges: {"{org}.in": {type: topic, keys: [org, what]}}
  queues: {"{org}.mail": {bindings: [{exchange: "{org}.in", key: "#"}]}}
"""
    assert leaks(tmp_path, spec(template), TWO) == []


OWN_EXCHANGE: Final = """\
  exchanges: {"{org}.in": {type: %s, bindings: [{exchange: in, key: "%s"}]}}
  queues:
    "{org}.mail": {bindings: [{exchange: in, key: "{org}.mail"}]}
    "{org}.all": {bindings: [{exchange: "{org}.in", key: "%s"}]}
"""


@pytest.mark.parametrize(
    ("kind", "key", "inner", "told"),
    [
        ("fanout", "#", "", True),
        ("fanout", "*.mail", "", True),
        ("fanout", "{org}.#", "", False),
        ("topic", "#", "*.mail", True),
        ("topic", "#", "{org}.*", False),
        ("topic", "#", "news", False),
    ],
)
def test_an_exchange_of_the_org_leads_to_it_what_it_lets_through(
    kind: str, key: str, inner: str, tmp_path: Path, *, told: bool
) -> None:
    found = leaks(tmp_path, spec(OWN_EXCHANGE % (kind, key, inner)), TWO)
    assert [one.text for one in found] == ["leads beta.mail to acme too, which is meant for beta"] * told
    assert all(one.noun is not None and one.noun.name == f"in -[{key}]-> acme.in" for one in found)


@pytest.mark.parametrize(
    ("keys", "told"), [(", keys: [org, what]", True), (", keys: [mail, what]", False), ("", False)]
)
def test_a_fanout_exchange_leads_everything_to_everybody(keys: str, tmp_path: Path, *, told: bool) -> None:
    """That it has something of orgs only the spec can say, for it looks at no keys."""
    found = leaks(tmp_path, spec(mail("{org}.mail"), kind="fanout" + keys), TWO)
    assert [(one.text, one.org_count) for one in found] == [
        ("leads beta.* to acme too, which is meant for beta", 2)
    ] * told


def test_an_exchange_that_rabbitmq_makes(tmp_path: Path) -> None:
    template = mail("{org}.*").replace("exchange: in", "exchange: amq.topic")
    found = leaks(tmp_path, spec(template), {"acme": "", "evil": extra("#", "amq.topic")})
    assert [one.org for one in found] == ["evil"]


SHAPE: Final = ("org", "a|b", "what")
PATTERNS: Final = st.lists(st.sampled_from(("acme", "evil", "a", "b", "x", "*", "#")), max_size=5).map(".".join)


@given(PATTERNS)
def test_exactly_what_lets_a_key_of_another_org_through_is_told(pattern: str) -> None:
    """With the shape of the keys, of which all are tried."""
    binding = Binding(source="in", destination="evil.mail", routing_key=pattern)
    desired = Desired(
        ownership=Ownership(),
        exchanges={"in": Exchange(name="in", type="topic")},
        queues={"evil.mail": Queue(name="evil.mail")},
        bindings=frozenset({binding}),
        key_shapes={"in": SHAPE},
        orgs={Kind.QUEUE: {"evil.mail": "evil"}},
    )
    found = list(RULE.find(Subject(desired, org_name="", orgs=("acme", "evil")))) if RULE.find else []
    keys = (".".join(words) for words in product(("acme",), "ab", ("acme", "evil", "a", "b", "x", "any")))
    assert bool(found) is (words_of(pattern)[:1] == ["acme"] or any(topic_matches(pattern, key) for key in keys))
    for one in found:
        key = one.text.split()[1]
        assert "acme" in key.split(".")
        assert covers(pattern, key)
