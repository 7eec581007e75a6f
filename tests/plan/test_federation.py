"""What waits on an upstream is dropped with any change of the policy of its exchange, so it has to drain first."""

from dataclasses import replace
from typing import Any

import pytest

from proca_topo.plan.changes import Change, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing
from proca_topo.topology.nouns import Exchange, Policy, Queue
from tests.plan.circuit_world import bind, desired, existing, queue

IN = Exchange(name="in", type="topic")
QUEUE = queue("work")
BINDING = bind("in", "a", "work")
KEYS = ("federation-upstream", "federation-upstream-set", "federation-upstream-pattern")


def policy(name: str, pattern: str, priority: int = 0, **definition: Any) -> Policy:
    table = {key.replace("_", "-"): value for key, value in definition.items()}
    return Policy(name=name, pattern=pattern, priority=priority, definition=Arguments.of(table))


FEDERATED = policy("theirs", "^in$", federation_upstream_set="all")


def there(*policies: Policy) -> Existing:
    return existing(exchanges=(IN,), queues=(QUEUE,), bindings=(BINDING,), policies=policies)


def then(exchange: Exchange = IN, work: Queue = QUEUE, *policies: Policy) -> Desired:
    return desired(
        exchanges=(exchange,),
        queues=(work,),
        bindings=(BINDING,),
        policies=policies,
        owns=("in", "work", "p", "ours"),
    )


def held_back(before: Existing, wanted: Desired, name: str) -> str | None:
    return change(before, wanted, name).held_back


def change(before: Existing, wanted: Desired, name: str) -> Change:
    plan = make_plan(before, wanted, with_prune=True, replacing=Replacing.IDLE)
    [found] = [one for one in plan.changes if one.noun.name == name]
    return found


DIRECT = replace(IN, type="direct")


@pytest.mark.parametrize("key", KEYS)
def test_a_federated_exchange_is_not_replaced(key: str) -> None:
    federated = replace(FEDERATED, definition=Arguments.of({key: "all"}))
    assert held_back(there(federated), then(DIRECT), "in") == (
        "the policy theirs federates it, and replacing it takes another policy, with which RabbitMQ drops what"
        " waits for it on its upstream: stop the publishers there, let the queue 'federation: in -> …' on the"
        " upstream drain, clear that policy, and apply again"
    )


def test_nor_is_one_that_the_spec_federates() -> None:
    ours = replace(FEDERATED, name="p")
    reason = held_back(there(), then(DIRECT, QUEUE, ours), "in")
    assert reason is not None
    assert reason.endswith("clear that policy, leave it out of the spec until then, and apply again")


def test_a_policy_that_may_be_in_force_counts_and_one_that_another_hides_does_not() -> None:
    uncertain = replace(FEDERATED, pattern="(?i)^IN$")
    assert held_back(there(uncertain), then(DIRECT), "in") is not None
    hidden = (FEDERATED, policy("other", "^in$", 1, max_length=5))
    assert held_back(there(*hidden), then(DIRECT), "in") is None


def test_a_federated_queue_is_not_replaced() -> None:
    federated = replace(FEDERATED, pattern="^work$")
    assert held_back(there(federated), then(IN, replace(QUEUE, durable=False)), "work") == (
        "the policy theirs federates it, and messages may come from its upstream in the moment in which it does"
        " not exist: clear that policy, which leaves them there, and apply again"
    )


LOSES = "in is federated by {}, and with any change of its policy RabbitMQ drops what waits for it on its upstream"
UNTIL = (
    "{}: stop the publishers there, let the queue 'federation: in -> …' on the upstream drain,"
    " clear the policy {}, and apply again"
)
OURS = policy("p", "^in$", federation_upstream_set="all")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (OURS, policy("p", "^in$", max_length=5)),
        (OURS, policy("p", "^in$", federation_upstream_set="all", alternate_exchange="other")),
        (OURS, replace(OURS, pattern="^nothing$")),
        (OURS, replace(OURS, priority=3)),
        (FEDERATED, policy("p", "^in$", 1, alternate_exchange="other")),
        (FEDERATED, replace(OURS, priority=1)),
    ],
    ids=["no keys", "another key", "pattern", "priority", "hides another's", "federates it the same"],
)
def test_no_policy_changes_on_a_federated_exchange(before: Policy, after: Policy) -> None:
    found = change(there(before), then(IN, QUEUE, after), "p")
    assert found.held_back == UNTIL.format(LOSES.format(before.name), before.name)
    assert LOSES.format(before.name) in [hazard.message for hazard in found.hazards]


def test_nor_is_it_deleted() -> None:
    assert held_back(there(OURS), then(), "p") == UNTIL.format(LOSES.format("p"), "p")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ((), OURS),
        ((FEDERATED,), policy("p", "^in$", -1, alternate_exchange="other")),
        ((FEDERATED,), policy("p", "^work$", 5, max_length=5)),
        ((replace(OURS, pattern="^nobody$"),), OURS),
    ],
    ids=["first", "hidden", "for others", "was for none"],
)
def test_any_other_policy_is_set(before: tuple[Policy, ...], after: Policy) -> None:
    assert held_back(there(*before), then(IN, QUEUE, after), "p") is None


def test_an_exchange_that_is_no_longer_desired_stays_with_all_that_is_behind_it() -> None:
    hop, other = Exchange(name="ours", type="fanout"), bind("ours", "", "work")
    before = replace(
        there(FEDERATED),
        exchanges={"in": IN, "ours": hop},
        bindings=dict.fromkeys([bind("in", "b", "ours", to=BINDING.destination_type.EXCHANGE), other], ("key",)),
    )
    nothing = desired(exchanges=(), queues=(), bindings=(), owns=("in", "work", "ours"))
    plan = make_plan(before, nothing, with_prune=True)
    reasons = {one.noun.name: one.held_back for one in plan.changes}
    assert reasons.pop("in") == (
        "the policy theirs federates it, and what comes for it on its upstream would wait there for ever: stop the"
        " publishers there, let the queue 'federation: in -> …' on the upstream drain, clear that policy, and"
        " apply again"
    )
    assert set(reasons) == {"in -[b]-> ours", "ours", "ours -[]-> work", "work"}
    assert set(reasons.values()) == {
        "messages from the upstream of in, which the policy theirs federates, may still need it: that goes first"
    }


def test_without_the_policy_all_of_it_goes() -> None:
    nothing = desired(exchanges=(), queues=(), bindings=(), owns=("in", "work"))
    assert {one.held_back for one in make_plan(there(), nothing, with_prune=True).changes} == {None}
