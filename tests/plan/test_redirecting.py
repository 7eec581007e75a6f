"""A policy that redirects what is there already comes after all that these messages meet then."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from proca_topo.plan.changes import Plan
from proca_topo.plan.declaring.needs_first import needs_first
from proca_topo.plan.declaring.order import DeclaringOrder
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from tests.plan.circuit_world import bind, desired, existing, queue

IN = Exchange(name="in", type="topic")
QUEUE = queue("work")
SOURCE = bind("in", "a", "work")


def policy(name: str, pattern: str, *, priority: int = 0, apply_to: str = "queues", **definition: Any) -> Policy:
    table = {key.replace("_", "-"): value for key, value in definition.items()}
    return Policy(name=name, pattern=pattern, priority=priority, apply_to=apply_to, definition=Arguments.of(table))


def circuit(number: int, *, by_policy: bool = False) -> tuple[tuple[Exchange, ...], Queue, tuple[Binding, ...]]:
    fail, back = (Exchange(name=f"{name}{number}", type="fanout") for name in ("fail", "back"))
    settings = {} if by_policy else {"dead_letter_exchange": f"back{number}", "message_ttl": 500}
    wait = queue(f"wait{number}", **settings)
    return (fail, back), wait, (bind(fail.name, "", wait.name), bind(back.name, "", "work"))


FIRST, WAIT1, BINDINGS1 = circuit(1)
SECOND, WAIT2, BINDINGS2 = circuit(2)
TO_FIRST = policy("p", "^work$", dead_letter_exchange="fail1")
TO_SECOND = policy("p", "^work$", dead_letter_exchange="fail2")


def before(*policies: Policy, queues: Sequence[Queue] = ()) -> Existing:
    return existing(
        exchanges=(IN, *FIRST),
        queues=(QUEUE, WAIT1, *queues),
        bindings=(SOURCE, *BINDINGS1),
        policies=policies,
    )


def wanted(
    *policies: Policy, wait: Queue = WAIT2, queues: Sequence[Queue] = (), more: Sequence[Binding] = ()
) -> Desired:
    return desired(
        exchanges=(IN, *FIRST, *SECOND),
        queues=(QUEUE, WAIT1, wait, *queues),
        bindings=(SOURCE, *BINDINGS1, *BINDINGS2, *more),
        policies=policies,
        owns=("in", ".*[0-9]", "work", "p", "limits", "new"),
    )


def order(there: Existing, then: Desired) -> list[str]:
    """The names of what is declared, in the order of the stages."""
    return [name for stage in stages(there, then) for name in stage]


def stages(there: Existing, then: Desired) -> list[list[str]]:
    plan = make_plan(there, then)
    found = DeclaringOrder(changes=plan.to_do, existing=there).stages()
    return [sorted(change.noun.name for change in stage.changes) for stage in found if stage.changes]


def plan_of(there: Existing, then: Desired) -> Plan:
    return make_plan(there, then)


def test_the_new_circuit_is_there_before_the_policy_leads_to_it_and_other_routes_come_last() -> None:
    new = queue("new")
    then = wanted(TO_SECOND, queues=(new,), more=(bind("in", "b", "new"),))
    assert stages(before(TO_FIRST), then) == [
        ["back2", "fail2"],
        ["wait2"],
        ["back2 -[]-> work", "fail2 -[]-> wait2"],
        ["p"],
        ["new"],
        ["in -[b]-> new"],
    ]


def test_a_policy_that_a_new_waiting_queue_needs_comes_before_it() -> None:
    limits = policy("limits", "^wait2$", message_ttl=500, dead_letter_exchange="back2")
    _, wait, _ = circuit(2, by_policy=True)
    assert stages(before(TO_FIRST), wanted(TO_SECOND, limits, wait=wait)) == [
        ["back2", "fail2"],
        ["limits"],
        ["wait2"],
        ["back2 -[]-> work", "fail2 -[]-> wait2"],
        ["p"],
    ]


def test_of_two_policies_that_redirect_the_one_that_a_new_queue_needs_comes_first() -> None:
    """`limits` gives the old waiting queue another way back too, so that it comes after that."""
    _, old, _ = circuit(1, by_policy=True)
    _, wait, _ = circuit(2, by_policy=True)
    limits = policy("limits", "^wait", message_ttl=500, dead_letter_exchange="back1")
    there = before(TO_FIRST, limits)
    there = replace(there, queues={**there.queues, "wait1": old})
    then = wanted(
        TO_SECOND, replace(limits, definition=Arguments.of({"dead-letter-exchange": "back2"})), wait=wait
    )
    then = replace(then, queues={**then.queues, "wait1": old})
    assert stages(there, then) == [
        ["back2", "fail2"],
        ["back2 -[]-> work"],
        ["limits"],
        ["wait2"],
        ["fail2 -[]-> wait2"],
        ["p"],
    ]


def test_a_queue_that_the_policy_is_for_as_well_is_bound_after_it_where_it_can_be() -> None:
    both = policy("p", "^(work|new)$", dead_letter_exchange="fail2")
    then = wanted(both, queues=(queue("new"),), more=(bind("in", "b", "new"),))
    found = order(before(TO_FIRST), then)
    assert found.index("fail2 -[]-> wait2") < found.index("p") < found.index("new") < found.index("in -[b]-> new")


@pytest.mark.parametrize(("source", "hazards"), [("back1", 1), ("back2", 0)])
def test_a_queue_that_the_policy_leads_to_is_bound_before_it_and_the_plan_says_what_that_can_cost(
    source: str, hazards: int
) -> None:
    """Nothing comes yet by an exchange that is new."""
    both = policy("p", "^(work|new)$", dead_letter_exchange="fail2")
    wait = queue("wait2", dead_letter_exchange=source)
    then = wanted(both, wait=wait, queues=(queue("new"),), more=(bind(source, "", "new"), bind("in", "b", "new")))
    found = order(before(TO_FIRST), then)
    assert found.index(f"{source} -[]-> new") < found.index("p") < found.index("in -[b]-> new")
    [change] = [one for one in plan_of(before(TO_FIRST), then).changes if one.noun.name == "p"]
    told = [hazard.message for hazard in change.hazards if hazard.code == "messages-at-stake"]
    assert (
        told
        == ["it leads messages to new, bound before it is set: what else comes there by then is not under it"]
        * hazards
    )


@pytest.mark.parametrize(
    ("then", "there"),
    [
        (policy("p", "^work$", priority=2, dead_letter_exchange="fail2"), (TO_FIRST,)),
        (
            policy("p", "^nothing$"),
            (replace(TO_FIRST, priority=1), policy("other", "^work$", dead_letter_exchange="fail2")),
        ),
        (
            replace(TO_FIRST, priority=-1),
            (replace(TO_FIRST, priority=1), policy("other", "^work$", dead_letter_exchange="fail2")),
        ),
        (policy("p", "^in$", apply_to="exchanges", alternate_exchange="fail2"), ()),
        (policy("p", "(?i)^WORK$", dead_letter_exchange="fail2"), (TO_FIRST,)),
        (policy("p", "^work$", dead_letter_exchange="", dead_letter_routing_key="wait2"), (TO_FIRST,)),
    ],
    ids=["priority", "pattern uncovers", "priority uncovers", "alternate", "unreadable pattern", "by name"],
)
def test_whatever_redirects_comes_last(then: Policy, there: tuple[Policy, ...]) -> None:
    found = order(before(*there), wanted(then))
    assert found[-1] == "p" or "wait2" in found[: found.index("p")]


@pytest.mark.parametrize(
    "then",
    [
        policy("p", "^work$", message_ttl=5, dead_letter_exchange="fail1"),
        policy("p", "^wait1$", dead_letter_exchange="fail2"),
        policy("p", "^new$", dead_letter_exchange="fail2"),
        policy("p", "^work$", dead_letter_routing_key="a", dead_letter_exchange="fail1"),
    ],
    ids=["same exchange", "an argument wins", "new queue", "nothing new to wait for"],
)
def test_what_redirects_nothing_comes_first_as_ever(then: Policy) -> None:
    found = order(before(TO_FIRST), wanted(then, queues=(queue("new"),)))
    assert found.index("p") < found.index("wait2")


def test_exchanges_between_are_bound_before_too() -> None:
    hop = Exchange(name="hop2", type="fanout")
    to_hop = Binding(source="fail2", destination="hop2", destination_type=DestinationType.EXCHANGE)
    then = wanted(TO_SECOND)
    then = replace(
        then,
        exchanges={**then.exchanges, "hop2": hop},
        bindings=(then.bindings - {BINDINGS2[0]}) | {to_hop, bind("hop2", "", "wait2")},
    )
    found = order(before(TO_FIRST), then)
    assert max(found.index("hop2 -[]-> wait2"), found.index("fail2 -[]-> hop2")) < found.index("p")


def test_a_policy_is_held_back_while_what_it_leads_to_is() -> None:
    there = before(TO_FIRST)
    down = replace(there, activity={**there.activity, "work": Activity(counted=False)})
    [change] = [one for one in plan_of(down, wanted(TO_SECOND)).changes if one.noun.name == "p"]
    assert change.held_back == (
        "it leads messages to fail2, from where some would find no way on: back2 -[]-> work is not there yet, and"
        " is held back; apply again once it is there"
    )


def test_dead_letters_by_policy_make_a_binding_one_of_the_first() -> None:
    """Of a queue that is new as well: its first rejection finds its way."""
    then = wanted(
        policy("p", "^new$", dead_letter_exchange="fail2"), queues=(queue("new"),), more=(bind("aaa", "b", "new"),)
    )
    then = replace(then, exchanges={**then.exchanges, "aaa": Exchange(name="aaa", type="topic")})
    found = order(before(), then)
    assert found.index("fail2 -[]-> wait2") < found.index("aaa -[b]-> new")


def test_what_needs_each_other_is_one_group_after_what_it_needs() -> None:
    needs = {"a": "b", "b": "cd", "c": "b", "d": "e", "e": "", "f": "a"}
    found = [set(group) for group in needs_first("fa", lambda one: needs[one])]
    assert found == [{"e"}, {"d"}, {"b", "c"}, {"a"}, {"f"}]


def test_a_chain_that_is_longer_than_the_stack_is_followed() -> None:
    found = needs_first([0], lambda number: [number + 1] if number < 50_000 else [])
    assert found[0] == (50_000,)
    assert len(found) == 50_001


def test_a_policy_that_another_takes_over_from_stays_until_that_one_is_set() -> None:
    """Between the two, `work` would be without any."""
    old = policy("p", "^(work|kept)$", dead_letter_exchange="fail1")
    kept = replace(old, pattern="^kept$")
    new = policy("p2", "^(work|other)$", dead_letter_exchange="fail1")
    there = before(old, queues=(queue("other"), queue("kept")))
    then = wanted(kept, new, queues=(queue("other"), queue("kept")), more=(bind("fail1", "", "wait2"),))
    found = order(there, then)
    assert found.index("fail1 -[]-> wait2") < found.index("p2") < found.index("p")


def test_policies_that_take_over_from_each_other_are_set_at_once() -> None:
    one, two = (policy(name, f"^{name}$", dead_letter_exchange="fail1") for name in ("p1", "p2"))
    queues = (queue("p1"), queue("p2"), queue("other1"))
    there = before(one, two, queues=queues)
    then = wanted(
        replace(one, pattern="^(p2|other1)$"),
        replace(two, pattern="^p1$"),
        queues=queues,
        more=(bind("fail1", "", "wait2"),),
    )
    found = stages(there, then)
    assert found.index(["p1", "p2"]) > next(i for i, stage in enumerate(found) if "fail1 -[]-> wait2" in stage)


@pytest.mark.parametrize(
    "definition", [{"dead_letter_exchange": "fail3"}, {"message_ttl": 5}], ids=["elsewhere", "nowhere"]
)
def test_a_policy_that_another_one_hides_in_the_end_redirects_until_then(definition: dict[str, Any]) -> None:
    fail, wait, bindings = circuit(3)
    hidden = policy("p3", "^(work|other)$", priority=2, **definition)
    hiding = policy("p2", "^work$", priority=10, dead_letter_exchange="fail2")
    then = wanted(TO_FIRST, hidden, hiding, queues=(wait,), more=bindings)
    then = replace(then, exchanges={**then.exchanges, **{exchange.name: exchange for exchange in fail}})
    found = order(before(TO_FIRST), then)
    if "message_ttl" in definition:
        assert found.index("p2") < found.index("p3")
    else:
        assert max(found.index("fail3 -[]-> wait3"), found.index("back3 -[]-> work")) < found.index("p3")


def test_a_policy_is_held_back_with_the_one_that_takes_over_from_it() -> None:
    old = policy("p", "^(work|kept)$", dead_letter_exchange="fail1")
    new = policy("p2", "^work$", dead_letter_exchange="fail2")
    there = before(old, queues=(queue("kept"),))
    there = replace(there, activity={**there.activity, "work": Activity(counted=False)})
    then = wanted(replace(old, pattern="^kept$"), new, queues=(queue("kept"),))
    reasons = {one.noun.name: one.held_back for one in plan_of(there, then).changes}
    assert "back2 -[]-> work is not there yet" in str(reasons["p2"])
    assert reasons["p"] is not None
