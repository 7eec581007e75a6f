"""No policy that is set or deleted costs what waits, by itself or together with others."""

from dataclasses import replace
from typing import Any

import pytest

from proca_topo.plan.changes import Replacing, Retire
from proca_topo.plan.planner import make_plan
from proca_topo.plan.policies.effects import PolicyChanges
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import QUORUM, Exchange, Policy, Queue
from tests.plan.circuit_world import bind, desired, existing, queue

DEAD = (Exchange(name="dead", type="direct"), Exchange(name="all", type="fanout"))
BOUND = (bind("dead", "rest", "rest"), bind("all", "", "rest"))
TEN = {"work": Activity(ready=10)}


def policy(name: str, pattern: str = "^work$", *, priority: int = 0, **definition: Any) -> Policy:
    table = {key.replace("_", "-"): value for key, value in definition.items()}
    return Policy(name=name, pattern=pattern, priority=priority, definition=Arguments.of(table))


def there(*policies: Policy, work: Queue | None = None, activity: dict[str, Activity] | None = None) -> Existing:
    return existing(
        exchanges=DEAD,
        queues=(work or queue("work"), queue("rest")),
        bindings=BOUND,
        policies=policies,
        activity=TEN if activity is None else activity,
    )


def wanted(*policies: Policy, work: Queue | None = None) -> Desired:
    return desired(
        exchanges=DEAD,
        queues=(work or queue("work"), queue("rest")),
        bindings=BOUND,
        policies=policies,
        owns=("dead", "all", "work", "rest", "p.*"),
    )


def held_back(before: Existing, then: Desired) -> dict[str, str | None]:
    return {change.noun.name: change.held_back for change in make_plan(before, then, with_prune=True).changes}


TO_ALL = policy("p1", priority=9, dead_letter_exchange="all")
WIDE = policy("p1", priority=9, max_length=1000)
NARROW = policy("p2", priority=5, max_length=3)


def test_a_policy_that_is_no_longer_for_a_queue_takes_its_dead_letters_way() -> None:
    elsewhere = policy("p1", "^other$", priority=9, dead_letter_exchange="all")
    assert held_back(there(TO_ALL), wanted(elsewhere)) == {
        "p1": "10 messages in work would be dropped, not dead-lettered, when they expire; let the queue drain, or"
        " keep a dead-letter exchange for it"
    }
    assert held_back(there(TO_ALL, activity={}), wanted(elsewhere)) == {"p1": None}


@pytest.mark.parametrize("lower", [{"priority": 1}, {"pattern": "^other$", "priority": 9}])
def test_a_policy_that_gives_way_to_a_stricter_one_is_held_back(lower: dict[str, Any]) -> None:
    found = held_back(there(WIDE, NARROW), wanted(policy("p1", max_length=1000, **lower), NARROW))
    assert "max-length 3 would drop 7 of 10 messages" in str(found["p1"])


def test_of_two_that_cost_messages_only_together_one_is_held_back() -> None:
    found = held_back(there(WIDE), wanted(policy("p1", priority=1, max_length=1000), NARROW))
    assert sorted(map(bool, found.values())) == [False, True]


def test_two_that_are_deleted_leave_no_more_than_one_after_the_other() -> None:
    """Each has the other's dead-letter exchange; together they take it away."""
    other = policy("p2", priority=5, dead_letter_exchange="all")
    found = held_back(there(TO_ALL, other), wanted())
    assert sorted(map(bool, found.values())) == [False, True]


def test_a_policy_that_takes_over_is_set_before_the_one_that_gives_way() -> None:
    taking = policy("p3", priority=5, dead_letter_exchange="all")
    assert held_back(there(TO_ALL), wanted(policy("p1", "^other$", max_length=5), taking)) == {
        "p1": None,
        "p3": None,
    }


def test_a_policy_may_be_deleted_whose_place_is_taken_in_the_same_plan() -> None:
    assert held_back(there(TO_ALL), wanted(policy("p3", dead_letter_exchange="all"))) == {"p1": None, "p3": None}


def test_what_may_be_made_in_any_order_does_not_share_a_queue_that_holds_messages() -> None:
    changes = (policy("p1", max_length=100, priority=1), policy("p2", max_length=200), policy("p3", "^rest$"))
    assert list(PolicyChanges(policies=changes, existing=there()).at_once()) == ["p1", "p3"]
    assert list(PolicyChanges(policies=changes, existing=there(activity={})).at_once()) == ["p1", "p2", "p3"]


def test_what_is_unacknowledged_comes_back_and_counts() -> None:
    """RabbitMQ drops what is over the limit as soon as it comes back."""
    held = there(activity={"work": Activity(ready=1, unacknowledged=9)})
    assert "drop 7 of 10 messages in work, 9 of them unacknowledged" in str(held_back(held, wanted(NARROW))["p2"])


REFUSING: dict[str, Any] = {"max_length": 1000, "overflow": "reject-publish"}


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [
        # A queue that is full, of which consumers hold some: what its limit costs it costs without any change.
        ({"max_length": 3}, {"max_length": 3, "message_ttl": 1000}, False),
        ({"max_length": 3}, {"max_length": 5}, False),
        ({"max_length": 3}, {"max_length": 2}, True),
        ({"expires": 3000}, {"expires": 3000, "message_ttl": 1000}, False),
        ({"expires": 3000}, {"expires": 4000}, False),
        ({"expires": 3000}, {"expires": 2000}, True),
        ({"max_length_bytes": 50}, {"max_length_bytes": 60}, False),
        ({"max_length_bytes": 50}, {"max_length_bytes": 40}, True),
        # Who refuses what comes drops nothing of what is there.
        (REFUSING, {**REFUSING, "max_length": 3}, False),
        (REFUSING, {**REFUSING, "max_length_bytes": 3}, False),
        ({"max_length": 1000}, {**REFUSING, "max_length": 3}, True),
        ({**REFUSING, "max_length": 3}, {"max_length": 3, "overflow": "drop-head"}, True),
        ({**REFUSING, "max_length": 3}, {"max_length": 3}, True),
    ],
)
def test_a_limit_costs_what_it_drops_that_did_not_go_before(
    before: dict[str, Any], after: dict[str, Any], *, stays: bool
) -> None:
    full = {"work": Activity(ready=3, unacknowledged=7)}
    found = held_back(there(policy("p1", **before), activity=full), wanted(policy("p1", **after)))
    assert (found["p1"] is not None) is stays


def test_a_classic_queue_is_to_refuse_before_its_limit_is_lowered() -> None:
    found = held_back(there(policy("p1", max_length=1000)), wanted(policy("p1", **{**REFUSING, "max_length": 3})))
    assert str(found["p1"]).endswith("or set the overflow first and the limit once that is applied")


def test_a_limit_by_argument_drops_what_a_policy_had_refused() -> None:
    work = queue("work", max_length=3)
    refusing = there(policy("p1", overflow="reject-publish"), work=work)
    assert "max-length 3 would drop 7 of 10 messages" in str(held_back(refusing, wanted(work=work))["p1"])


@pytest.mark.parametrize(
    ("kind", "overflow", "stays"),
    [
        ("classic", "reject-publish-dlx", False),
        (QUORUM, "reject-publish-dlx", True),  # for a quorum queue it is drop-head
        (QUORUM, "reject-publish", False),
    ],
)
def test_what_refuses_depends_on_the_type(kind: str, overflow: str, *, stays: bool) -> None:
    work = Queue(name="work", type=kind)
    wide, narrow = (policy("p1", max_length=limit, overflow=overflow) for limit in (100, 3))
    assert (held_back(there(wide, work=work), wanted(narrow, work=work))["p1"] is not None) is stays


def test_a_limit_for_what_is_not_counted_is_held_back() -> None:
    found = held_back(there(activity={"work": Activity(counted=False)}), wanted(NARROW))
    assert "max-length 3 may drop some of uncounted messages" in str(found["p2"])


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [
        ({"dead_letter_routing_key": "rest"}, {"dead_letter_routing_key": "nobody"}, True),
        ({"dead_letter_routing_key": "rest"}, {"max_length": 1000}, True),
        ({"dead_letter_routing_key": "nobody"}, {"dead_letter_routing_key": "nobody2"}, False),
        ({"dead_letter_routing_key": "nobody"}, {"dead_letter_routing_key": "rest"}, False),
    ],
)
def test_a_policy_that_leads_dead_letters_to_where_nothing_takes_them_is_held_back(
    before: dict[str, Any], after: dict[str, Any], *, stays: bool
) -> None:
    work = queue("work", dead_letter_exchange="dead")
    found = held_back(there(policy("p1", **before), work=work), wanted(policy("p1", **after), work=work))
    assert (found["p1"] is not None) is stays
    if stays:
        assert "10 messages in work would be dropped when they expire" in str(found["p1"])


def test_another_exchange_that_takes_everything_is_a_way_on() -> None:
    keyed = policy("p1", dead_letter_exchange="dead", dead_letter_routing_key="rest")
    assert held_back(there(keyed), wanted(policy("p1", dead_letter_exchange="all"))) == {"p1": None}
    assert held_back(there(keyed), wanted(policy("p1", dead_letter_exchange="dead")))["p1"] is not None


def test_what_a_quorum_queue_keeps_for_at_least_once_holds_the_strategy() -> None:
    work = Queue(
        name="work",
        type=QUORUM,
        arguments=Arguments.of({"x-dead-letter-exchange": "all", "x-overflow": "reject-publish"}),
    )
    kept = there(
        policy("p1", dead_letter_strategy="at-least-once"), work=work, activity={"work": Activity(dead=4)}
    )
    found = held_back(kept, wanted(policy("p1", dead_letter_strategy="at-most-once"), work=work))
    assert "4 dead letters that work keeps would be dropped" in str(found["p1"])
    found = held_back(kept, wanted(work=work))
    assert "4 dead letters that work keeps would be dropped" in str(found["p1"])


TO_OLD: dict[str, Any] = {"dead_letter_exchange": "dead", "dead_letter_routing_key": "old"}


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ((TO_ALL,), (policy("p1", priority=9, **TO_OLD),)),
        ((TO_ALL, policy("p0", **TO_OLD)), (policy("p0", **TO_OLD),)),
    ],
    ids=["set", "uncovered"],
)
def test_a_binding_stays_that_dead_letters_take_once_policies_have_changed(
    now: tuple[Policy, ...], then: tuple[Policy, ...]
) -> None:
    """So this plan says what the next one would say."""
    old = bind("dead", "old", "rest")
    vhost = there(*now)
    before = replace(vhost, bindings={**vhost.bindings, old: ("old",)})
    after = replace(before, policies={one.name: one for one in then})
    for there_is in (before, after):
        plan = make_plan(there_is, wanted(*then), with_prune=True)
        assert [type(change) for change in plan.changes if change.noun == old] == [Retire]


OWNERSHIP = desired(owns=("dead", "all", "work", "job", "rest", "p.*")).ownership
STAYS = (
    "what work rejects or lets expire would be dropped, not dead-lettered, until it is renamed to job; let the"
    " policy be for both names until then"
)


@pytest.mark.parametrize("name", ["p1", "p2"])
@pytest.mark.parametrize("consumers", [0, 1])
@pytest.mark.parametrize("replacing", list(Replacing))
def test_a_queue_that_gets_another_name_keeps_its_dead_letters_way_until_it_has_that(
    name: str, consumers: int, replacing: Replacing
) -> None:
    """Though nothing waits in it: its consumers may reject, in the end until the renaming is not held back."""
    now = there(policy("p1", dead_letter_exchange="all"), activity={"work": Activity(consumers=consumers)})
    policies = (policy(name, "^job$", dead_letter_exchange="all"),)
    spec = replace(wanted(*policies, work=queue("job")), renames={"job": "work"}, ownership=OWNERSHIP)
    found = make_plan(now, spec, with_prune=True, replacing=replacing).changes
    reasons = {change.noun.name: change.held_back for change in found}
    is_renamed = replacing in {Replacing.IDLE, Replacing.DISCONNECTING} and not consumers
    # One that is deleted is so after the renaming.
    is_renamed |= replacing is Replacing.DISCONNECTING and name == "p2"
    assert (reasons["p1"], reasons["job"] is None) == (None if is_renamed else STAYS, is_renamed)


def test_what_the_new_name_has_no_way_for_either_is_what_the_spec_wants() -> None:
    now = there(policy("p1", dead_letter_exchange="all"), activity={})
    spec = replace(wanted(work=queue("job")), renames={"job": "work"}, ownership=OWNERSHIP)
    found = make_plan(now, spec, with_prune=True, replacing=Replacing.IDLE).changes
    assert {change.noun.name: change.held_back for change in found} == {"job": None, "p1": None}


CONSUMED = {"work": Activity(consumers=1), "rest": Activity(consumers=1)}


@pytest.mark.parametrize(("activity", "is_held"), [({}, False), (CONSUMED, True)])
def test_queues_that_are_consumed_from_keep_their_dead_letters_way_while_policies_change_places(
    activity: dict[str, Activity], *, is_held: bool
) -> None:
    """Though they are empty: what is rejected before the second one is set would be dropped."""
    now = [policy("p1", "^work$", dead_letter_exchange="all"), policy("p2", "^rest$", dead_letter_exchange="all")]
    then = [policy("p1", "^rest$", dead_letter_exchange="all"), policy("p2", "^work$", dead_letter_exchange="all")]
    found = held_back(there(*now, activity=activity), wanted(*then))
    assert [reason is not None for reason in found.values()] == [is_held, is_held]
    if is_held:
        assert found["p1"] == (
            "what work rejects would be dropped, not dead-lettered, until another policy takes over; let the"
            " pattern of one be for the queues of both first"
        )


@pytest.mark.parametrize("activity", [{}, CONSUMED])
def test_what_the_spec_takes_away_for_good_is_taken_from_an_empty_queue(activity: dict[str, Activity]) -> None:
    now = there(policy("p1", dead_letter_exchange="all"), activity=activity)
    assert held_back(now, wanted()) == {"p1": None}
    assert held_back(now, wanted(policy("p1", max_length=100))) == {"p1": None}


def test_of_two_policies_for_a_queue_that_is_consumed_from_the_one_that_takes_over_is_set_first() -> None:
    now = there(policy("p1", dead_letter_exchange="all"), activity=CONSUMED)
    away, taking = policy("p1", "^other$"), policy("p3", dead_letter_exchange="all")
    assert list(PolicyChanges(policies=(away, taking), existing=now).at_once()) == ["p3"]
    assert held_back(now, wanted(away, taking)) == {"p1": None, "p3": None}
