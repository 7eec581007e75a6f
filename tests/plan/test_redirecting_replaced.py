"""A policy that redirects to what a replacement brings comes after it, in the same apply."""

from dataclasses import replace

from proca_topo.plan.changes import Declare, Replacing, Update
from proca_topo.plan.planner import make_plan
from proca_topo.topology.desired import Desired
from proca_topo.topology.nouns import Policy
from tests.plan.circuit_world import bind, queue
from tests.plan.test_redirecting import TO_FIRST, TO_SECOND, before, policy, wanted


def renaming(*policies: Policy) -> Desired:
    """The waiting queue gets another name, and the policies lead to where only that is bound."""
    then = wanted(*policies, queues=(queue("new"),), more=(bind("in", "b", "new"),))
    queues = {name: one for name, one in then.queues.items() if name != "wait1"}
    bindings = frozenset(one for one in then.bindings if one.destination != "wait1")
    return replace(then, queues=queues, bindings=bindings, renames={"wait2": "wait1"})


def told(then: Desired, replacing: Replacing) -> dict[str, tuple[bool, str | None]]:
    """For each policy whether it comes after the replacements, and why it is held back."""
    plan = make_plan(before(TO_FIRST), then, replacing=replacing)
    return {
        change.noun.name: (change.after_replacement, change.held_back)
        for change in plan.changes
        if isinstance(change, (Declare, Update)) and isinstance(change.noun, Policy)
    }


def test_it_is_made_after_the_replacement() -> None:
    assert told(renaming(TO_SECOND), Replacing.IDLE) == {"p": (True, None)}


def test_one_that_is_new_too() -> None:
    over = policy("limits", "^work$", priority=1, dead_letter_exchange="fail2")
    assert told(renaming(TO_FIRST, over), Replacing.IDLE) == {"limits": (True, None)}


def test_it_is_held_back_with_the_replacement() -> None:
    late, reason = told(renaming(TO_SECOND), Replacing.FINISHING)["p"]
    assert not late
    assert "fail2 -[]-> wait2 is not there yet, and is held back" in str(reason)


def test_it_is_held_back_where_a_new_queue_that_is_bound_before_lives_by_it() -> None:
    both = policy("p", "^(work|new)$", dead_letter_exchange="fail2")
    late, reason = told(renaming(both), Replacing.IDLE)["p"]
    assert not late
    assert "comes with a replacement; apply again once it is there" in str(reason)
