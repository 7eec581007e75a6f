"""What the spec protects is neither deleted nor replaced nor retired, and it keeps what it needs."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Delete, Plan, Replace, action_of
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from tests.plan.circuit_world import ALL_BINDINGS, FAIL, IN, RETURN, SOURCE, WAIT, WORK, desired, existing

BY_WORK = "protected by protect: work (topology.yaml:4:5)"


def words(plan: Plan) -> list[str]:
    return [
        f"{action_of(change)} {change.noun.name}" + (f": {change.held_back}" if change.held_back else "")
        for change in plan.changes
    ]


def test_a_protected_queue_keeps_its_bindings_and_their_exchanges_and_its_circuit() -> None:
    plan = make_plan(existing(), desired(exchanges=(), queues=(), bindings=(), protect=("work",)), with_prune=True)
    assert words(plan) == [
        "retire fail -[#]-> wait",
        f"delete in -[a.*]-> work: {BY_WORK}",
        f"delete return -[work]-> work: {BY_WORK}",
        "retire wait",
        f"delete work: {BY_WORK}",
        "retire fail",
        f"delete in: in -[a.*]-> work needs it and is {BY_WORK}",
        f"delete return: return -[work]-> work needs it and is {BY_WORK}",
    ]
    assert plan.to_do == ()


def test_protection_comes_before_the_advice_to_prune() -> None:
    plan = make_plan(existing(), desired(exchanges=(), queues=(), bindings=(), protect=("work",)))
    assert f"delete work: {BY_WORK}" in words(plan)
    assert "delete fail -[#]-> wait: deletions need --prune" not in words(plan)
    assert plan.to_do == ()


def test_a_protected_exchange_keeps_its_bindings_and_the_queues_that_would_take_them_along() -> None:
    wanted = desired(exchanges=(IN, FAIL, RETURN), queues=(WAIT,), bindings=ALL_BINDINGS[1:2], protect=("in",))
    assert words(make_plan(existing(), wanted, with_prune=True)) == [
        "delete in -[a.*]-> work: protected by protect: in (topology.yaml:4:5)",
        "retire return -[work]-> work",
        "delete work: in -[a.*]-> work needs it and is protected by protect: in (topology.yaml:4:5)",
    ]


def test_a_binding_of_a_queue_that_stays_in_the_spec_is_kept_too() -> None:
    wanted = desired(bindings=ALL_BINDINGS[1:], protect=("nothing", "work"))
    assert words(make_plan(existing(), wanted, with_prune=True)) == [
        "delete in -[a.*]-> work: protected by protect: work (topology.yaml:5:5)"
    ]


def test_a_protected_queue_with_messages_is_not_retired() -> None:
    there = existing(activity={"work": Activity(ready=5)})
    wanted = desired(queues=(WAIT,), bindings=ALL_BINDINGS[1:2], protect=("work",))
    assert {action_of(change) for change in make_plan(there, wanted, with_prune=True).changes} == {"delete"}
    assert make_plan(there, wanted, with_prune=True).to_do == ()


@pytest.mark.parametrize("protect", ["work", "in"])
def test_what_is_protected_is_not_replaced(protect: str) -> None:
    wanted = desired(
        exchanges=(replace(IN, type="fanout"), FAIL, RETURN),
        queues=(replace(WORK, arguments=Arguments.of({})), WAIT),
        protect=(protect,),
    )
    held = {c.noun.name: c.held_back for c in make_plan(existing(), wanted).changes if isinstance(c, Replace)}
    assert held.keys() == {"work", "in"}
    assert held[protect] == f"protected by protect: {protect} (topology.yaml:4:5)"


def test_what_is_absent_is_declared_and_a_policy_changes_in_place() -> None:
    policy = Policy(name="policy", pattern="^work$", definition=Arguments.of({"max-length": 10}))
    there = existing(queues=(WAIT,), bindings=(), policies=(replace(policy, priority=2),))
    plan = make_plan(there, desired(policies=(policy,), protect=("work", "policy")))
    assert plan.held_back == 0
    assert {action_of(change) for change in plan.changes} == {"declare", "update"}


def test_a_protected_policy_stays_and_so_does_the_one_in_force_on_a_protected_queue() -> None:
    policy = Policy(name="policy", pattern="^work$", definition=Arguments.of({"max-length": 10}))
    there = existing(policies=(policy,))
    for protect, reason in (
        ("policy", "protected by protect: policy (topology.yaml:4:5)"),
        ("work", f"work needs it and stays: {BY_WORK}"),
    ):
        plan = make_plan(there, desired(queues=(WAIT,), bindings=(), protect=(protect,)), with_prune=True)
        assert words(plan)[-1] == f"delete policy: {reason}"


def test_a_protected_binding_between_exchanges_keeps_both() -> None:
    hop = Binding(source="in", destination="out", destination_type=DestinationType.EXCHANGE, routing_key="x")
    out = Exchange(name="out", type="topic")
    there = existing(exchanges=(IN, out), queues=(), bindings=(hop,))
    wanted = desired(exchanges=(), queues=(), bindings=(), owns=("in", "out"), protect=("out",))
    plan = make_plan(there, wanted, with_prune=True)
    assert (len(plan.changes), plan.held_back) == (3, 3)


def test_an_ignored_binding_of_a_protected_exchange_keeps_the_queue_that_would_take_it_along() -> None:
    there = existing(exchanges=(IN,), queues=(WORK,), bindings=(SOURCE,))
    wanted = desired(exchanges=(IN,), queues=(), bindings=(), ignored=(SOURCE,), protect=("in",))
    [change] = make_plan(there, wanted, with_prune=True).changes
    assert isinstance(change, Delete)
    assert change.noun == WORK
    assert change.held_back is not None


def test_what_has_to_do_with_nothing_protected_goes() -> None:
    other = Queue(name="other", type="classic")
    there = existing(queues=(WORK, WAIT, other))
    wanted = desired(owns=("work", "wait", "other", "in"), protect=("work", "wait"))
    assert words(make_plan(there, wanted, with_prune=True)) == ["delete other"]
