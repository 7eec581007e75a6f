"""What has the wrong form in one part of a spec hides nothing of the rest, and makes nothing right look wrong."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from proca_topo.spec.documents import OrgDoc, TopologyDoc
from proca_topo.spec.parts import Document
from proca_topo.spec.problems import Problem
from proca_topo.spec.wording import document
from tests.spec.bad_specs import GOOD, problems_in, written
from tests.spec.nouns import ROOT, paths_in

_RICH: Final = """\
topology: 1
owns: ["confirm", "deliver", "unrouted", "system.*", "{org}.*", "org.{id}.*"]
ignore: ["system.theirs", {exchange: confirm, key: theirs}]
protect: [deliver]
exchanges:
  confirm: {type: topic, alternate: unrouted}
  deliver: {type: topic, bindings: [{exchange: confirm, key: "*.copy"}]}
  unrouted: {type: fanout}
retry:
  system: {delay: 30s, fail: system.fail, wait: system.retry, return: system.back}
queues:
  system.sqs: {retry: system, ttl: 5m, bindings: [{exchange: deliver, key: "a"}, {exchange: deliver, key: "b"}]}
  system.all: {dead-letter: {exchange: deliver, key: a}, renamed_from: system.old}
bindings:
  - {queue: system.sqs, exchange: deliver, key: "c"}
  - {to-exchange: unrouted, exchange: deliver, key: "d"}
policies:
  system.ttl: {pattern: "^system", definition: {message-ttl: 30s, dead-letter-exchange: deliver}}
routes:
  - {publish: {exchange: deliver, key: a}, reaches: [system.sqs]}
org:
  vars: {id: "[0-9]+"}
  options: {crm: {help: "a queue for the CRM"}, sqs: {}}
  exchanges:
    "{org}.in": {type: topic, when: crm}
  retry:
    own: {delay: 5s, fail: "{org}.fail", wait: "{org}.wait", return: "{org}.back", when: crm}
  queues:
    "{org}.confirm": {bindings: [{exchange: confirm, key: "{org}.custom"}, {exchange: confirm, key: "{org}.more"}]}
    "{org}.crm": {when: crm, retry: own, bindings: [{exchange: "{org}.in", key: "#"}]}
    "org.{id}.archive": {}
  bindings:
    - {queue: system.sqs, exchange: deliver, key: "{org}.system.*", when: sqs}
  policies:
    "{org}.limit": {pattern: "^{org}[.]crm$", definition: {max-length: 10}}
  routes:
    - {publish: {exchange: confirm, key: "{org}.custom"}, reaches: ["{org}.confirm"]}
"""
_ORG: Final = """\
vars: {id: 42}
options: {crm: true}
queues:
  "{org}.news": {retry: own, bindings: [{exchange: "{org}.in", key: a}, {exchange: deliver, key: b}]}
bindings:
  - {queue: "{org}.news", exchange: deliver, key: c}
  - {queue: "{org}.crm", exchange: deliver, key: d}
routes:
  - {publish: {exchange: deliver, key: c}, reaches: ["{org}.news", system.sqs]}
"""
_SPECS: Final = {
    "few of everything": (_RICH, _ORG),
    "small": (GOOD, "options: {crm: true}\n"),
    "default": ((ROOT / "topology.yaml").read_text(encoding="utf-8"), "{}"),
    "pipes": ((ROOT / "examples" / "pipes-3.4" / "topology.yaml").read_text(encoding="utf-8"), "vars: {id: 5}"),
}
_ODD_VALUES: Final[tuple[object, ...]] = (5, True, 1.5, "", "colour")
_ODD_TABLES: Final[tuple[object, ...]] = (None, [], {}, [5], {"colour": "red"}, [{"colour": "red"}])


def _damage(data: st.DataObject, value: Any) -> None:
    """Make one thing in a document odd: a value, or a key."""
    path = data.draw(st.sampled_from(paths_in(value)[1:]))
    for step in path[:-1]:
        value = value[step]
    if isinstance(value, dict) and data.draw(st.booleans()):
        value[f"{path[-1]}x"] = value.pop(path[-1])
    else:
        # Another table or list would have the right form, and say something else.
        is_table = isinstance(value[path[-1]], (dict, list))
        value[path[-1]] = data.draw(st.sampled_from(_ODD_VALUES + (() if is_table else _ODD_TABLES)))


@pytest.mark.parametrize("name", _SPECS)
def test_the_specs_they_start_from_are_good(name: str, tmp_path: Path) -> None:
    topology, org = _SPECS[name]
    assert problems_in(written({"topology.yaml": topology, "orgs/acme.yaml": org}, tmp_path)) == ()


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(_SPECS)), kind=st.sampled_from([TopologyDoc, OrgDoc]))
def test_where_only_the_form_is_wrong_nothing_else_is_told(
    data: st.DataObject, name: str, kind: type[Document], tmp_path_factory: pytest.TempPathFactory
) -> None:
    topology, org = (json.loads(json.dumps(yaml.safe_load(text))) for text in _SPECS[name])
    assume(kind is TopologyDoc or org)
    spoilt = topology if kind is TopologyDoc else org
    misshapen: list[Problem] = []
    for _ in range(data.draw(st.integers(min_value=1, max_value=3))):
        spoilt, before = json.loads(json.dumps(spoilt)), len(misshapen)
        _damage(data, spoilt)
        _, misshapen = document(kind, spoilt, "file")
        # What has the right form all the same may well be wrong otherwise.
        assume(len(misshapen) > before and spoilt)
    topology, org = (topology, spoilt) if kind is OrgDoc else (spoilt, org)
    texts = {"topology.yaml": yaml.safe_dump(topology), "orgs/acme.yaml": yaml.safe_dump(org)}
    told = problems_in(written(texts, tmp_path_factory.mktemp("spoilt")))
    of_form = {problem.text for problem in misshapen}
    for line in told:
        text = line.split(": ", 1)[1].split("; put it in quotes")[0].split("; for an empty text")[0]
        assert any(text.startswith(one) for one in of_form), line
