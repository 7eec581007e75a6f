"""What a policy gives stays until that is an argument of what has been replaced, or until what has it is gone."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Delete, Replacing, Retire
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import NO_ARGUMENTS, Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Exchange, Policy
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


OWN = Exchange(name="own", type="fanout")
TO_OWN = Exchange(name="in3", type="direct", arguments=Arguments.of({"alternate-exchange": "own"}))
GIVING_AWAY = (alternates("p1", "^in[23]$"), alternates("p2", "^in1$"))


def held(before: Exchange, after: Exchange, *policies: Policy) -> dict[str, str | None]:
    now, spec = with_exchanges(*BOTH), wanted_for_exchanges(*policies)
    now = replace(now, exchanges={**now.exchanges, "own": OWN, "in3": before})
    spec = replace(spec, exchanges={**spec.exchanges, "own": OWN, "in3": after})
    return {one.noun.name: one.held_back for one in make_plan(now, spec, replacing=Replacing.IDLE).changes}


def test_an_exchange_keeps_its_alternate_by_argument_until_the_policy_for_it_is_set() -> None:
    """`p1` gives `in1` away, which would have none until `p2` takes over."""
    by_policy = replace(TO_OWN, arguments=NO_ARGUMENTS)
    found = held(TO_OWN, by_policy, *GIVING_AWAY)
    assert found["in3"] == "it would live by the policy p1, which is held back: that goes first"
    assert held(TO_OWN, by_policy, alternates("p1", "^in[123]$"), BOTH[1]) == {"in3": None, "p1": None}


def test_an_exchange_without_an_alternate_is_replaced_also_before_the_policy_that_gives_it_one() -> None:
    found = held(replace(TO_OWN, arguments=NO_ARGUMENTS), Exchange(name="in3", type="topic"), *GIVING_AWAY)
    assert found["in3"] is None
    assert found["p1"] is not None


@pytest.mark.parametrize(("activity", "is_held"), [(CONSUMED, True), ({}, False)])
@pytest.mark.parametrize("with_prune", [True, False])
def test_a_queue_that_nobody_wants_any_more_keeps_its_dead_letters_way_while_it_is_consumed_from(
    activity: dict[str, Activity], *, is_held: bool, with_prune: bool
) -> None:
    now = there(policy("p1", dead_letter_exchange="all"), activity=activity)
    spec = wanted(policy("p1", "^other$", dead_letter_exchange="all"))
    spec = replace(spec, queues={"rest": spec.queues["rest"]})
    plan = make_plan(now, spec, with_prune=with_prune)
    [reason] = [change.held_back for change in plan.changes if change.noun.name == "p1"]
    expected = (
        "what work rejects would be dropped, not dead-lettered, until it is gone; let the policy be for it until"
        " then"
    )
    assert reason == (expected if is_held else None)


@pytest.mark.parametrize("with_prune", [True, False])
def test_an_exchange_that_nobody_wants_any_more_keeps_its_alternate_while_it_is_there(*, with_prune: bool) -> None:
    spec = wanted_for_exchanges(alternates("p1", "^other$"), BOTH[1])
    spec = replace(spec, exchanges={name: one for name, one in spec.exchanges.items() if name != "in1"})
    plan = make_plan(with_exchanges(*BOTH), spec, with_prune=with_prune)
    assert [change.held_back for change in plan.changes if change.noun.name == "p1"] == [
        "what in1 cannot route would be dropped until it is gone; let the policy be for it until then"
    ]
    gone = with_exchanges(*BOTH)
    gone = replace(gone, exchanges=spec.exchanges)
    assert held_back(gone, spec) == {"p1": None}
