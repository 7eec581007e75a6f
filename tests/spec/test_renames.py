"""`renamed_from`: which queue on the broker becomes which of the spec's."""

from typing import Final

import pytest

from proca_topo.errors import SpecError
from tests.spec.nouns import bound, by_name, desired_of, queue

SPEC: Final = """
topology: 1
owns: ["s.*", "{org}.*"]
exchanges: {s.in: {type: topic}}
queues: {s.thanks: {renamed_from: s.thankyou}}
org:
  options: {crm: {}}
  queues:
    "{org}.newsletter": {renamed_from: "{org}.news", bindings: [{exchange: s.in, key: "{org}"}]}
    "{org}.crm": {when: crm, renamed_from: "{org}.crm.old"}
"""


def test_the_old_name_is_told_beside_what_the_queue_is() -> None:
    """The new queue is as if it had never had another name; only `renames` tells of the old one."""
    desired = desired_of(SPEC, {"acme": "options: {crm: true}"})
    assert desired.queues == by_name(queue("s.thanks"), queue("acme.newsletter"), queue("acme.crm"))
    assert desired.bindings == {bound("s.in", "acme", "acme.newsletter")}
    assert desired.renames == {
        "s.thanks": "s.thankyou",
        "acme.newsletter": "acme.news",
        "acme.crm": "acme.crm.old",
    }


def test_a_queue_that_is_switched_off_takes_the_place_of_none() -> None:
    assert desired_of(SPEC, {"acme": ""}).renames == {"s.thanks": "s.thankyou", "acme.newsletter": "acme.news"}


def test_an_orgs_own_queue() -> None:
    extra = 'queues: {"{org}.extra": {renamed_from: "{org}.special"}}'
    assert desired_of(SPEC, {"acme": extra}).renames["acme.extra"] == "acme.special"


def test_for_single_orgs_the_old_queues_are_read_too() -> None:
    """Those of what is switched off as well: as with names, it is the broker that tells what is there."""
    spec = SPEC.replace('"{org}.*"', '"{org}.newsletter", "{org}.crm", "{org}.news", "{org}.crm.old"')
    desired = desired_of(spec, {"acme": "", "beta": ""}, scope=["acme"])
    assert desired.renames == {"acme.newsletter": "acme.news"}
    assert desired.scope is not None
    assert desired.scope.queues == {"acme.newsletter", "acme.crm", "acme.news", "acme.crm.old"}


def test_for_single_orgs_an_old_name_that_owns_covers_by_a_glob_only() -> None:
    extra = 'queues: {"{org}.extra": {renamed_from: s.special}}'
    desired = desired_of(SPEC, {"acme": extra}, scope=["acme"])
    assert desired.scope is not None
    assert "s.special" in desired.scope.queues


def test_for_single_orgs_shared_names_are_taken_all_the_same() -> None:
    for old, why in [("s.thanks", "declared too"), ("s.thankyou", r"would become s\.thanks and acme\.x")]:
        with pytest.raises(SpecError, match=why):
            desired_of(SPEC, {"acme": f'queues: {{"{{org}}.x": {{renamed_from: {old}}}}}'}, scope=["acme"])


def test_literal_braces_in_an_old_name() -> None:
    spec = 'topology: 1\nowns: ["*"]\norg: {queues: {"{org}.a": {renamed_from: "{{{org}}}.a"}}}'
    assert desired_of(spec, {"acme": ""}).renames == {"acme.a": "{acme}.a"}
