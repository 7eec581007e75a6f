"""No policy that is set or deleted leaves an exchange without its alternate until another one takes over."""

from typing import Any

import pytest

from proca_topo.plan.changes import Delete, Retire
from proca_topo.plan.planner import make_plan
from proca_topo.plan.policies.effects import PolicyChanges
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Binding, Exchange, Policy
from tests.plan.circuit_world import bind, desired, existing, queue
from tests.plan.test_policy_effects import BOUND, DEAD, held_back, policy

ROUTING = (Exchange(name="in1", type="direct"), Exchange(name="in2", type="direct"))


def alternates(name: str, pattern: str, **more: Any) -> Policy:
    return policy(name, pattern, alternate_exchange="all", **more)


def with_exchanges(*policies: Policy) -> Existing:
    return existing(exchanges=(*DEAD, *ROUTING), queues=(queue("rest"),), bindings=BOUND, policies=policies)


def wanted_for_exchanges(*policies: Policy) -> Desired:
    return desired(
        exchanges=(*DEAD, *ROUTING),
        queues=(queue("rest"),),
        bindings=BOUND,
        policies=policies,
        owns=("dead", "all", "own", "in[123]", "rest", "p.*"),
    )


BOTH = (alternates("p1", "^in1$"), alternates("p2", "^in2$"))


def test_exchanges_keep_their_alternate_while_policies_change_places() -> None:
    """What is published and finds no way before the second one is set would be dropped."""
    swapped = wanted_for_exchanges(alternates("p1", "^in2$"), alternates("p2", "^in1$"))
    found = held_back(with_exchanges(*BOTH), swapped)
    assert found == {
        "p1": "what in1 cannot route would be dropped until another policy takes over; let the pattern of one be"
        " for the exchanges of both first",
        "p2": "what in2 cannot route would be dropped until another policy takes over; let the pattern of one be"
        " for the exchanges of both first",
    }


def test_exchanges_of_two_policies_change_places_by_way_of_a_pattern_for_both() -> None:
    between = (alternates("p1", "^in[12]$"), BOTH[1])
    assert held_back(with_exchanges(*BOTH), wanted_for_exchanges(*between)) == {"p1": None}
    swapped = wanted_for_exchanges(alternates("p1", "^in2$"), alternates("p2", "^in1$"))
    now = with_exchanges(*between)
    assert held_back(now, swapped) == {"p1": None, "p2": None}
    assert list(PolicyChanges(policies=[*swapped.policies.values()], existing=now).at_once()) == ["p2"]


def test_an_alternate_that_the_spec_takes_away_for_good_is_taken() -> None:
    assert held_back(with_exchanges(*BOTH), wanted_for_exchanges(BOTH[0])) == {"p2": None}
    assert held_back(with_exchanges(*BOTH), wanted_for_exchanges(BOTH[0], policy("p2", "^other$"))) == {"p2": None}


def test_of_two_policies_for_an_exchange_the_one_that_takes_over_is_set_first() -> None:
    away, taking = policy("p1", "^other$"), alternates("p3", "^in1$")
    assert held_back(with_exchanges(BOTH[0]), wanted_for_exchanges(away, taking)) == {"p1": None, "p3": None}
    assert list(PolicyChanges(policies=(away, taking), existing=with_exchanges(BOTH[0])).at_once()) == ["p3"]


def test_of_two_policies_that_go_the_one_that_bares_an_exchange_meanwhile_goes_last() -> None:
    """Without `p1` the policy `p2`, which has no alternate, would be in force until it is gone as well."""
    there = (alternates("p0", "^in1$"), alternates("p1", "^in1$", priority=9), policy("p2", "^in1$", priority=5))
    found = PolicyChanges(policies=there[1:], existing=with_exchanges(*there), deleting=True).at_once()
    assert list(found) == ["p2"]


@pytest.mark.parametrize("bound", [bind("in1", "k", "theirs"), bind("in1", "k", "old")])
def test_an_exchange_that_has_to_stay_for_now_keeps_its_alternate(bound: Binding) -> None:
    """Somebody else's queue is bound to it, or one of ours that is not empty."""
    activity = {"old": Activity(ready=1)}
    there = existing(
        exchanges=(*DEAD, *ROUTING),
        queues=(queue("rest"), queue("theirs"), queue("old", dead_letter_exchange="in1")),
        bindings=(*BOUND, bound),
        policies=BOTH,
        activity=activity,
    )
    spec = desired(
        exchanges=DEAD,
        queues=(queue("rest"),),
        bindings=BOUND,
        owns=("dead", "all", "in[12]", "rest", "old", "p.*"),
    )
    found = {one.noun.name: one for one in make_plan(there, spec, with_prune=True).changes}
    assert isinstance(found["p1"], Retire)
    assert found["p1"].reason == "in1 needs it until it is gone"
    assert isinstance(found["p2"], Delete)
