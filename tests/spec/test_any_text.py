"""No text and no document, however odd, does anything but load or say what is wrong with it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proca_topo.errors import SpecError
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from tests.spec.bad_specs import GOOD, written
from tests.spec.nouns import ROOT, paths_in

_WORDS = [
    "topology",
    "vhost",
    "owns",
    "ignore",
    "exchanges",
    "retry",
    "renamed_from",
    "queues",
    "bindings",
    "policies",
    "org",
    "name",
    "vars",
    "options",
    "default",
    "help",
    "type",
    "durable",
    "auto-delete",
    "internal",
    "alternate",
    "arguments",
    "keys",
    "when",
    "delay",
    "by",
    "policy",
    "fail",
    "wait",
    "return",
    "key",
    "ttl",
    "expires",
    "max-length",
    "overflow",
    "priorities",
    "lazy",
    "dead-letter",
    "exchange",
    "queue",
    "to-exchange",
    "pattern",
    "apply-to",
    "definition",
    "argument",
    "topic",
    "fanout",
    "headers",
    "direct",
    "quorum",
    "30s",
    "amq.topic",
    "system.a",
    "{org}.a",
    "{id}",
    "{org}",
    "{",
    "}",
    "{{}}",
    "*",
    "#",
    "acme",
    "crm",
]
_SCALARS = st.one_of(
    st.sampled_from(_WORDS),
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.dates(),
)
_DOCUMENTS = st.recursive(
    _SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(_WORDS), _SCALARS), inner, max_size=5),
    ),
    max_leaves=25,
)
_LONG = settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def _loads_or_tells(directory: Path, topology: str, org: str) -> None:
    (directory / "topology.yaml").write_text(topology, encoding="utf-8", newline="")
    (directory / "orgs" / "acme.yaml").write_text(org, encoding="utf-8", newline="")
    for problem in _problems(directory):
        assert re.match(r"(topology|orgs/acme)\.yaml:[1-9][0-9]*:[1-9][0-9]*: \S", problem), problem


def _problems(directory: Path) -> tuple[str, ...]:
    try:
        load_desired(read_topology(directory))
    except SpecError as error:
        return error.problems
    return ()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written({"orgs/acme.yaml": ""}, tmp_path_factory.mktemp("any"))


@_LONG
@given(topology=st.text(st.characters(codec="utf-8")), org=st.text(st.characters(codec="utf-8")))
def test_any_text(directory: Path, topology: str, org: str) -> None:
    _loads_or_tells(directory, topology, org)
    _loads_or_tells(directory, GOOD, org)


@_LONG
@given(document=_DOCUMENTS)
def test_any_org(directory: Path, document: Any) -> None:
    _loads_or_tells(directory, GOOD, yaml.safe_dump(document))


@_LONG
@given(parts=st.dictionaries(st.sampled_from(_WORDS[1:10]), _DOCUMENTS), org=_DOCUMENTS)
def test_any_topology(directory: Path, parts: dict[str, Any], org: Any) -> None:
    document = {"topology": 1, "owns": ["*"], **parts}
    _loads_or_tells(directory, yaml.safe_dump(document), yaml.safe_dump(org))


_GOOD_DOCUMENTS = [
    yaml.safe_load(text)
    for text in (
        GOOD,
        (ROOT / "topology.yaml").read_text(encoding="utf-8"),
        (ROOT / "examples" / "pipes-3.4" / "topology.yaml").read_text(encoding="utf-8"),
    )
]


@_LONG
@given(data=st.data())
def test_a_good_topology_with_one_odd_thing_in_it(directory: Path, data: st.DataObject) -> None:
    document = json.loads(json.dumps(data.draw(st.sampled_from(_GOOD_DOCUMENTS))))
    path = data.draw(st.sampled_from(paths_in(document)[1:]))
    place = document
    for step in path[:-1]:
        place = place[step]
    odd = data.draw(_DOCUMENTS)
    if isinstance(place, dict) and data.draw(st.booleans()):
        place[data.draw(st.sampled_from(_WORDS))] = place.pop(path[-1])
    else:
        place[path[-1]] = odd
    _loads_or_tells(directory, yaml.safe_dump(document), "vars: {id: 5}\noptions: {crm: true}\n")
