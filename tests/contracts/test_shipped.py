"""The contracts of the three shipped specs are kept, and leave nothing of them unsaid."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from proca_topo.contracts.checking import check
from proca_topo.contracts.verdicts import all_kept
from proca_topo.spec.read import load_desired, org_settings
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Binding
from proca_topo.topology.routing.topics import covers
from tests.spec.nouns import ROOT

SPECS: Final = {
    "documented": ROOT,
    "plumbing-3.0.2": ROOT / "examples" / "plumbing-3.0.2",
    "pipes-3.4": ROOT / "examples" / "pipes-3.4",
}

every_spec = pytest.mark.parametrize("directory", SPECS.values(), ids=SPECS.keys())


def _desired(directory: Path) -> Desired:
    return load_desired(read_topology(directory), with_routes=True)


@every_spec
def test_all_are_kept(directory: Path) -> None:
    desired = _desired(directory)
    assert [one for one in check(desired, desired.routes) if one.missing or one.unexpected] == []
    assert len(desired.routes) > len(desired.queues)


@every_spec
def test_each_binding_is_in_a_contract(directory: Path) -> None:
    """Whatever binding is forgotten, some contract is broken."""
    desired = _desired(directory)
    for binding in desired.bindings:
        without = replace(desired, bindings=desired.bindings - {binding})
        assert not all_kept(check(without, desired.routes)), binding.name


@every_spec
def test_each_binding_more_breaks_a_contract(directory: Path) -> None:
    """Whatever queue gets messages that another one is for, some contract is broken."""
    desired = _desired(directory)
    work = [one for one in desired.bindings if one.destination not in {one.routing_key, *desired.waiting}]
    for binding in work:
        for name in sorted(desired.queues.keys() - {binding.destination})[:4]:
            more = replace(binding, destination=name)
            if not _has_all_that(desired, more):
                with_it = replace(desired, bindings=desired.bindings | {more})
                assert not all_kept(check(with_it, desired.routes)), more.name


def _has_all_that(desired: Desired, binding: Binding) -> bool:
    """Whether the queue gets these messages already."""
    return any(
        one.source == binding.source
        and one.destination == binding.destination
        and covers(one.routing_key, binding.routing_key)
        for one in desired.bindings
    )


@every_spec
def test_each_way_back_is_in_a_contract(directory: Path) -> None:
    """Whatever queue is not dead-lettered, or waits without end, some contract is broken."""
    desired = _desired(directory)
    for changed in _with_less_settings(desired):
        assert not all_kept(check(changed, desired.routes))


def _with_less_settings(desired: Desired) -> Iterator[Desired]:
    in_use = {queue.dead_letter_exchange for queue in desired.queues.values()}
    # An org that has nothing to retry has its circuit all the same.
    unused = {one.destination for one in desired.bindings if one.source not in in_use} & desired.waiting
    for queue in desired.queues.values():
        if queue.name in unused:
            continue
        for argument in queue.arguments:
            rest = {key: value for key, value in queue.arguments.to_dict().items() if key != argument}
            changed = replace(queue, arguments=Arguments.of(rest))
            yield replace(desired, queues={**desired.queues, queue.name: changed})
    for name in desired.policies:
        yield replace(desired, policies={key: one for key, one in desired.policies.items() if key != name})


@every_spec
def test_the_orgs_switch_on_and_off_each_option(directory: Path) -> None:
    topology = read_topology(directory)
    for option in topology.document.org.options:
        assert {org.options[option] for org in org_settings(topology)} == {True, False}, option
