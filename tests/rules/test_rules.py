"""Every rule finds what its own page shows, and nothing in what the page advises."""

import re
from pathlib import Path

import pytest

from proca_topo.errors import SpecError
from proca_topo.rules.codes import CODES, NEVER_ALLOWED
from proca_topo.rules.registry import RULES
from proca_topo.rules.rule import Rule
from proca_topo.spec.findings import PlacedFinding, review
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology

NEWEST = (9, 9)
ROOT = Path(__file__).parents[2]
ORGS = ("acme", "beta")
by_code = pytest.mark.parametrize("rule", RULES.values(), ids=RULES.keys())


def findings(
    directory: Path, text: str, org: str | None = None, target: tuple[int, int] | None = NEWEST
) -> tuple[PlacedFinding, ...]:
    """What breaks a rule in this spec; two orgs if there is a file for them."""
    (directory / "topology.yaml").write_text(text)
    if org is not None:
        (directory / "orgs").mkdir(exist_ok=True)
        for name in ORGS:
            (directory / "orgs" / f"{name}.yaml").write_text(org)
    return checked(directory, target)


def checked(directory: Path, target: tuple[int, int] | None = NEWEST) -> tuple[PlacedFinding, ...]:
    topology = read_topology(directory)
    return review(topology, load_desired(topology), target=target)


@by_code
def test_a_rule_finds_its_own_example_and_no_other_rule_does(rule: Rule, tmp_path: Path) -> None:
    assert _codes(tmp_path, rule) == [rule.code]


def _codes(directory: Path, rule: Rule) -> list[str]:
    try:
        return [one.code for one in findings(directory, rule.example, rule.org)]
    except SpecError as error:
        return [code for problem in error.problems for code in re.findall(r"\((PT\d+)\)$", problem)]


@by_code
def test_what_a_rule_advises_breaks_no_rule(rule: Rule, tmp_path: Path) -> None:
    assert findings(tmp_path, rule.mended, rule.org) == ()


@by_code
def test_what_is_about_a_version_is_asked_for_that_version(rule: Rule, tmp_path: Path) -> None:
    if rule.target is not None:
        earlier = (rule.target[0], rule.target[1] - 1) if rule.target[1] else (rule.target[0] - 1, 13)
        assert findings(tmp_path, rule.example, rule.org, earlier) == ()
        assert findings(tmp_path, rule.example, rule.org, None) == ()


def test_the_codes_that_can_be_allowed_are_those_of_the_rules_that_are_asked() -> None:
    assert {code for code, rule in RULES.items() if rule.find is not None} == CODES
    assert RULES.keys() == CODES | NEVER_ALLOWED


@pytest.mark.parametrize("directory", [ROOT, *sorted((ROOT / "examples").iterdir())], ids=lambda path: path.name)
def test_the_shipped_specs_break_no_rule_without_a_reason(directory: Path) -> None:
    assert [one for one in checked(directory) if one.reason is None] == []


def test_a_queue_behind_an_internal_exchange_that_nothing_leads_to_is_not_reached(tmp_path: Path) -> None:
    spec = """\
topology: 1
owns: ["*"]
exchanges:
  in: {type: topic}
  inner: {type: fanout, internal: true, bindings: [%s]}
queues: {mail: {bindings: [{exchange: inner}]}, all: {bindings: [{exchange: in, key: "#"}]}}
"""
    assert [one.code for one in findings(tmp_path, spec % "")] == ["PT301"]
    assert findings(tmp_path, spec % "{exchange: in, key: a}") == ()


IDLE_CIRCUIT = """\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues: {mail: {bindings: [{exchange: in, key: "#"}]%s}}
"""


def test_a_retry_circuit_that_no_queue_uses_is_a_warning_once(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, IDLE_CIRCUIT % "")
    assert (found.code, found.line, found.text) == (
        "PT302",
        4,
        "nothing is bound to it: no queue uses the retry circuit that it is of",
    )


@pytest.mark.parametrize("letters", ["exchange: failed", "exchange: failed, key: k", 'exchange: "", key: waiting'])
def test_what_dead_letters_come_to_from_which_none_comes_back_is_an_error(tmp_path: Path, letters: str) -> None:
    found = findings(tmp_path, IDLE_CIRCUIT % f", dead-letter: {{{letters}}}")
    assert "PT102" in [one.code for one in found]
    assert "nothing is bound to it: what is published to it is dropped" in [one.text for one in found]


DEAD_BY_HEADERS = """\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, failed: {type: headers}}
queues:
  mail:
    bindings: [{exchange: in, key: "#"}]
    dead-letter: {exchange: failed, key: mail}
  graveyard: {bindings: [{exchange: %s}]}
"""


@pytest.mark.parametrize(
    ("bound", "codes"),
    [
        ("failed, arguments: {kind: letter}", []),
        ("failed, arguments: {x-match: any, kind: letter}", []),
        ("failed, arguments: {x-match: any-with-x, x-first-death-reason: expired}", []),
        ("failed", []),
        ("failed, arguments: {x-match: any}", ["PT102"]),
        ('in, key: "#"', ["PT302", "PT102"]),
    ],
)
def test_which_headers_dead_letters_have_is_not_known(tmp_path: Path, bound: str, codes: list[str]) -> None:
    assert [one.code for one in findings(tmp_path, DEAD_BY_HEADERS % bound)] == codes


def test_nor_which_what_comes_back_through_a_headers_exchange_has(tmp_path: Path) -> None:
    spec = """\
topology: 1
owns: ["*"]
exchanges: {in: {type: topic}, back: {type: headers}}
retry: {mail: {delay: 30s, fail: failed, wait: waiting, return: again}}
queues:
  mail: {bindings: [{exchange: in, key: "#"}%s], dead-letter: {exchange: failed, key: mail}}
  sms: {bindings: [{exchange: in, key: sms}], retry: mail}
bindings: [{exchange: again, key: "#", to-exchange: back}]
"""
    assert [one.code for one in findings(tmp_path, spec % "")] == ["PT302", "PT104"]
    assert findings(tmp_path, spec % ", {exchange: back, arguments: {kind: letter}}") == ()


@pytest.mark.parametrize(
    ("letters", "text"),
    [
        ("exchange: gone}, allow: {PT101: tested", "its dead-letter exchange gone does not exist"),
        ("exchange: failed", "its dead letters come to failed, which has no binding"),
        ("exchange: failed, key: k", "its dead letters come to failed with the key k, which leads nowhere"),
    ],
)
@pytest.mark.parametrize(("overflow", "keeps"), [("reject-publish", True), ("drop-head", False)])
def test_a_queue_that_keeps_dead_letters_without_a_way_drops_none(
    tmp_path: Path, letters: str, text: str, overflow: str, *, keeps: bool
) -> None:
    spec = f"""\
topology: 1
owns: ["*"]
exchanges: {{in: {{type: topic}}, failed: {{type: topic}}}}
queues: {{mail: {{type: quorum, bindings: [{{exchange: in, key: "#"}}], dead-letter: {{{letters}}}}}}}
policies:
  safe: {{pattern: ^mail$, definition: {{dead-letter-strategy: at-least-once, overflow: {overflow}}}}}
"""
    stays = "; they stay in the queue until there is a way (at-least-once)" if keeps else ""
    assert text + stays in [one.text for one in findings(tmp_path, spec)]


@pytest.mark.parametrize(
    ("kind", "limits", "says"),
    [
        ("quorum", {}, "RabbitMQ 4's delivery limit 20 sends"),
        ("quorum", {"delivery-limit": 5}, "its delivery limit 5 sends"),
        ("quorum", {"delivery-limit": 1_000_000}, None),
        ("quorum", {"delivery-limit": -1}, None),
        ("classic", {}, None),
    ],
)
@pytest.mark.parametrize("by_policy", [True, False])
def test_a_delivery_limit_in_a_retry_circuit(
    kind: str, limits: dict[str, int], says: str | None, tmp_path: Path, *, by_policy: bool
) -> None:
    """One that no consumer reaches, or none at all, gives nothing up; nor does a classic queue."""
    text = RULES["PT108"].example
    more = "".join(f"    {key}: {value}\n" for key, value in limits.items())
    if by_policy and limits:
        policy = f'{{pattern: "^mail$", apply-to: queues, definition: {{{more.strip()}}}}}'
        text, more = f"{text}policies: {{limit: {policy}}}\n", ""
    text = text.replace("    type: quorum\n", f"    type: {kind}\n{more}")
    found = [one.text for one in findings(tmp_path, text) if one.code == "PT108"]
    assert [says is not None and one.startswith(says) for one in found] == [True] * (says is not None)
