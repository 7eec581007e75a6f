"""What a policy gives stays until what the spec gives by argument instead has been replaced."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Delete, Replacing, Retire
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Exchange
from tests.plan.circuit_world import queue
from tests.plan.test_policies_of_exchanges import BOTH, alternates, wanted_for_exchanges, with_exchanges
from tests.plan.test_policy_effects import CONSUMED, held_back, policy, there, wanted

BY_ARGUMENT = Exchange(name="in1", type="direct", arguments=Arguments.of({"alternate-exchange": "all"}))
BOTH_WAYS = [Replacing.FINISHING, Replacing.IDLE]


@pytest.mark.parametrize("how", BOTH_WAYS)
def test_a_policy_goes_on_giving_an_exchange_its_alternate_until_it_has_that_by_argument(how: Replacing) -> None:
    spec = wanted_for_exchanges(alternates("p1", "^other$"))
    spec = replace(spec, exchanges={**spec.exchanges, "in1": BY_ARGUMENT})
    found = make_plan(with_exchanges(BOTH[0]), spec, replacing=how).changes
    assert {change.noun.name: change.held_back for change in found}["p1"] == (
        "what in1 cannot route would be dropped until it is replaced; apply again once it is"
    )
    replaced = replace(with_exchanges(BOTH[0]), exchanges=spec.exchanges)
    assert held_back(replaced, spec) == {"p1": None}


@pytest.mark.parametrize("how", BOTH_WAYS)
def test_it_is_not_pruned_before_that_either(how: Replacing) -> None:
    spec = wanted_for_exchanges()
    spec = replace(spec, exchanges={**spec.exchanges, "in1": BY_ARGUMENT})
    found = {
        one.noun.name: one
        for one in make_plan(with_exchanges(*BOTH), spec, with_prune=True, replacing=how).changes
    }
    assert isinstance(found["p1"], Retire)
    assert found["p1"].reason == "in1 needs it until it is replaced"
    assert isinstance(found["p2"], Delete)


def test_a_policy_that_federates_an_exchange_goes_before_its_replacement() -> None:
    federating = policy("p1", "^in1$", federation_upstream_set="all")
    spec = wanted_for_exchanges()
    spec = replace(spec, exchanges={**spec.exchanges, "in1": BY_ARGUMENT})
    [gone] = [
        one
        for one in make_plan(with_exchanges(federating), spec, with_prune=True).changes
        if one.noun.name == "p1"
    ]
    assert isinstance(gone, Delete)


@pytest.mark.parametrize(
    ("activity", "how", "is_held"),
    [
        (CONSUMED, Replacing.IDLE, True),
        (CONSUMED, Replacing.DISCONNECTING, True),
        (CONSUMED, Replacing.FINISHING, True),
        ({}, Replacing.FINISHING, True),
        ({}, Replacing.IDLE, False),
    ],
)
def test_a_policy_goes_on_giving_a_queue_its_dead_letters_way_until_it_has_that_by_argument(
    activity: dict[str, Activity], how: Replacing, *, is_held: bool
) -> None:
    """But of a queue that is replaced in the same apply, and nobody consumes from."""
    now = there(policy("p1", dead_letter_exchange="all"), activity=activity)
    spec = wanted(policy("p1", max_length=1000), work=queue("work", dead_letter_exchange="all"))
    [reason] = [c.held_back for c in make_plan(now, spec, replacing=how).changes if c.noun.name == "p1"]
    expected = (
        "what work rejects or lets expire would be dropped, not dead-lettered, until it is replaced; apply again"
        " once it is"
    )
    assert reason == (expected if is_held else None)
    replaced = there(policy("p1", dead_letter_exchange="all"), work=spec.queues["work"], activity=activity)
    assert held_back(replaced, spec) == {"p1": None}
