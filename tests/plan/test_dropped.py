"""No queue gets messages while what is to take its dead letters on is not there: RabbitMQ drops them."""

from dataclasses import replace
from typing import Any, cast

import pytest

from proca_topo.apply.declaring import declare
from proca_topo.apply.ledger import Ledger
from proca_topo.apply.report import Status
from proca_topo.apply.watch import SILENT
from proca_topo.broker.protocol import Broker
from proca_topo.plan.changes import Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing, Scope
from proca_topo.topology.nouns import Exchange, Noun, Policy
from tests.plan.circuit_world import (
    FAIL,
    FAIL_TO_WAIT,
    IN,
    RETURN,
    SOURCE,
    WAIT,
    WAY_BACK,
    WORK,
    bind,
    desired,
    existing,
    queue,
)
from tests.plan.test_new_queues import Refusing
from tests.plan.test_redirecting import policy

SCOPE = Scope(
    orgs=frozenset({"acme"}),
    queues=frozenset({"work"}),
    bindings=frozenset({SOURCE, WAY_BACK}),
    reference_exchanges=frozenset({"in", "fail", "return"}),
    reference_queues=frozenset({"wait"}),
    reference_bindings=frozenset({FAIL_TO_WAIT}),
)


def of_one_org() -> Desired:
    """The queue is an org's, and its circuit is everybody's."""
    return replace(desired(exchanges=(), queues=(WORK,), bindings=(SOURCE, WAY_BACK)), scope=SCOPE)


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        (existing(queues=(WAIT,), bindings=(FAIL_TO_WAIT,)), None),
        (existing(exchanges=(IN, RETURN), queues=(WAIT,), bindings=()), "its dead-letter exchange fail"),
        (existing(queues=(WAIT,), bindings=()), "the binding fail -[#]-> wait"),
        (existing(queues=(), bindings=()), "the binding fail -[#]-> wait"),
        (
            existing(exchanges=(IN, FAIL), queues=(WAIT,), bindings=(FAIL_TO_WAIT,)),
            "its dead-letter exchange return",
        ),
    ],
)
def test_an_orgs_queue_is_bound_once_the_circuit_that_all_share_is_there(
    there: Existing, lacking: str | None
) -> None:
    held_back = {one.noun: one.held_back for one in make_plan(there, of_one_org()).changes}
    reason = f"what is rejected or expires in work would be dropped: {lacking} is not on the broker"
    assert held_back[WORK] is None
    assert held_back[SOURCE] == (f"{reason}; run apply without --org first" if lacking else None)


def test_what_waits_in_the_circuit_has_its_way_back_all_the_same() -> None:
    there = existing(exchanges=(IN, RETURN), bindings=(SOURCE,))
    assert [(one.noun, one.held_back) for one in make_plan(there, of_one_org()).changes] == [(WAY_BACK, None)]


def test_a_queue_is_not_replaced_by_one_whose_dead_letters_go_nowhere() -> None:
    there = existing(exchanges=(IN, RETURN), queues=(queue("work"), WAIT), bindings=(SOURCE, WAY_BACK))
    [change] = make_plan(there, of_one_org(), replacing=Replacing.IDLE).changes
    assert "would be dropped: its dead-letter exchange fail is not on the broker" in str(change.held_back)
    whole = existing(queues=(queue("work"), WAIT))
    [change] = make_plan(whole, of_one_org(), replacing=Replacing.IDLE).changes
    assert change.held_back is None


def test_one_that_drops_them_already_is_replaced() -> None:
    there = existing(exchanges=(IN, RETURN), queues=(WORK, WAIT), bindings=(SOURCE, WAY_BACK))
    longer = queue("work", dead_letter_exchange="fail", dead_letter_routing_key="work", max_length=5)
    spec = replace(of_one_org(), queues={"work": longer})
    assert [one.held_back for one in make_plan(there, spec, replacing=Replacing.IDLE).changes] == [None]


def test_a_policy_leads_dead_letters_to_what_is_there_only() -> None:
    then = policy("p", "^work$", dead_letter_exchange="fail")
    spec = replace(
        desired(exchanges=(), queues=(queue("work"),), bindings=(SOURCE, WAY_BACK), policies=(then,)),
        scope=replace(SCOPE, policies=frozenset({"p"})),
    )

    def held_back(there: Existing) -> str | None:
        [change] = make_plan(there, spec).changes
        return change.held_back

    lacking = "the binding fail -[#]-> wait"
    there = existing(queues=(queue("work"), WAIT))
    assert held_back(there) is None
    assert held_back(replace(there, exchanges={"in": IN, "return": RETURN})) == (
        "what is rejected or expires in the queues under it would be dropped: its dead-letter exchange fail is not"
        " on the broker; run apply without --org first"
    )
    assert lacking in str(held_back(replace(there, bindings={SOURCE: ("key",), WAY_BACK: ("key",)})))
    does_already = replace(then, priority=1)
    nowhere = replace(there, exchanges={"in": IN, "return": RETURN}, policies={"p": does_already})
    assert held_back(nowhere) is None


@pytest.mark.parametrize(
    ("pattern", "definition", "on_the_broker", "lives_by_it"),
    [
        ("^work$", {"dead_letter_exchange": "rest"}, False, "work"),
        ("^wait$", {"message_ttl": 1000}, False, "wait"),
        ("^wait$", {"message_ttl": 1000}, True, None),
        ("^wait$", {"max_length": 9}, False, None),
        ("^other$", {"message_ttl": 1000}, False, None),
    ],
)
def test_an_orgs_queue_is_bound_once_the_policies_for_all_that_it_lives_by_are_set(
    pattern: str, definition: dict[str, Any], lives_by_it: str | None, *, on_the_broker: bool
) -> None:
    """Also the one that its waiting queue has its delay from: without it nothing would come back."""
    shared = policy("p", pattern, **definition)
    own, waiting = queue("work", dead_letter_exchange="fail"), queue("wait", dead_letter_exchange="return")
    if pattern == "^work$":
        own = queue("work")
    there = existing(queues=(), bindings=(), policies=(replace(shared, priority=1),) if on_the_broker else ())
    spec = replace(
        desired(exchanges=(), queues=(own, waiting)),
        scope=replace(SCOPE, reference_policies=frozenset({shared})),
    )
    held_back = {one.noun: one.held_back for one in make_plan(there, spec).changes}
    assert held_back[WAY_BACK] is None
    assert held_back[SOURCE] == (
        f"{lives_by_it} lives by the policy p, which is not on the broker; run apply without --org first"
        if lives_by_it
        else None
    )


@pytest.mark.parametrize(
    ("before", "is_held"),
    [
        (policy("p", "^other$", message_ttl=1000), True),
        (policy("p", "^wait$", max_length=5), True),
        (policy("p", "^wait$", message_ttl=2000), False),
    ],
)
def test_so_it_is_where_a_policy_for_all_is_older_than_the_spec(before: Policy, *, is_held: bool) -> None:
    shared = policy("p", "^wait$", message_ttl=1000)
    own, waiting = queue("work", dead_letter_exchange="fail"), queue("wait", dead_letter_exchange="return")
    spec = replace(
        desired(exchanges=(), queues=(own, waiting)),
        scope=replace(SCOPE, reference_policies=frozenset({shared})),
    )
    there = existing(queues=(), bindings=(), policies=(before,))
    [held_back] = [one.held_back for one in make_plan(there, spec).changes if one.noun == SOURCE]
    reason = "wait lives by the policy p as the spec has it, which is not on the broker"
    assert held_back == (f"{reason}; run apply without --org first" if is_held else None)


def test_a_way_through_thousands_of_queues_is_followed_to_its_end() -> None:
    count = 5_000
    links = [queue(f"q{number}", dead_letter_exchange=f"x{number}") for number in range(count)]
    steps = [bind(f"x{number}", "", f"q{number + 1}") for number in range(count - 1)]
    exchanges = [Exchange(name=f"x{number}", type="fanout") for number in range(count - 1)]
    there = existing(exchanges=(IN, *exchanges), queues=(*links,), bindings=(*steps,))
    into = bind("in", "a", "q0")
    spec = replace(
        desired(exchanges=(), queues=(links[0],), bindings=(into,), owns=("q0",)),
        scope=Scope(orgs=frozenset({"acme"}), queues=frozenset({"q0"}), bindings=frozenset({into})),
    )
    [held_back] = [one.held_back for one in make_plan(there, spec).changes if one.noun == into]
    assert f"its dead-letter exchange x{count - 1} is not on the broker" in str(held_back)


def test_an_exchange_that_nobody_declares_is_missed_in_a_whole_vhost_too() -> None:
    new = queue("new", dead_letter_exchange="theirs")
    spec = desired(queues=(WORK, WAIT, new), bindings=(SOURCE, FAIL_TO_WAIT, WAY_BACK, bind("in", "b", "new")))
    [_, binding] = make_plan(existing(), spec).changes
    assert str(binding.held_back).endswith("dead-letter exchange theirs is not on the broker; declare it first")
    there = existing(exchanges=(IN, FAIL, RETURN, Exchange(name="theirs", type="fanout")))
    assert [one.held_back for one in make_plan(there, spec).changes] == [None, None]


@pytest.mark.parametrize("name", ["", "amq.topic"])
def test_rabbitmqs_own_exchanges_are_always_there(name: str) -> None:
    new = queue("new", dead_letter_exchange=name, dead_letter_routing_key="work")
    spec = desired(queues=(WORK, WAIT, new), bindings=(SOURCE, FAIL_TO_WAIT, WAY_BACK, bind("in", "b", "new")))
    assert [one.held_back for one in make_plan(existing(), spec).changes] == [None, None]


@pytest.mark.parametrize(("pattern", "is_certain"), [("^new$", True), ("^(?(DEFINE)(?<a>n))(?&a)ew", False)])
def test_where_it_is_not_certain_which_policy_is_in_force_nothing_is_missed(
    pattern: str, *, is_certain: bool
) -> None:
    there = existing(policies=(policy("p", pattern, dead_letter_exchange="theirs"),))
    to_new = bind("in", "b", "new")
    spec = desired(queues=(WORK, WAIT, queue("new")), bindings=(SOURCE, FAIL_TO_WAIT, WAY_BACK, to_new))
    held_back = {one.noun: one.held_back for one in make_plan(there, spec).changes}
    assert (held_back[to_new] is not None) is is_certain


@pytest.mark.parametrize(
    ("refused", "is_tried"),
    [(FAIL, False), (RETURN, False), (WAIT, False), (FAIL_TO_WAIT, False), (WAY_BACK, False), (None, True)],
)
def test_apply_binds_no_queue_whose_way_on_was_refused(refused: Noun | None, *, is_tried: bool) -> None:
    """Whatever part of the circuit the broker does not take; what does not need it is declared all the same."""
    nothing = existing(exchanges=(), queues=(), bindings=())
    other, to_other = queue("other"), bind("in", "a.b", "other")
    spec = desired(queues=(WORK, WAIT, other), bindings=(SOURCE, FAIL_TO_WAIT, WAY_BACK, to_other))
    plan = make_plan(nothing, spec)
    broker = Refusing(nothing, {refused} if refused else set())
    ledger = Ledger(plan)
    declare(plan, nothing, cast("Broker", broker), ledger, SILENT, read=lambda: broker.now)
    assert ledger.status(to_other) is Status.APPLIED
    assert ledger.status(SOURCE) is (Status.APPLIED if is_tried else Status.NOT_TRIED)
    assert (SOURCE in broker.now.bindings) is is_tried


def test_one_orgs_refused_way_back_leaves_the_others_alone() -> None:
    names = ("a", "b")
    works = tuple(queue(f"work.{n}", dead_letter_exchange="fail", dead_letter_routing_key=n) for n in names)
    sources = tuple(bind("in", n, f"work.{n}") for n in names)
    ways_back = tuple(bind("return", n, f"work.{n}") for n in names)
    nothing = existing(exchanges=(), queues=(), bindings=())
    plan = make_plan(nothing, desired(queues=(WAIT, *works), bindings=(FAIL_TO_WAIT, *sources, *ways_back)))
    broker = Refusing(nothing, {ways_back[0]})
    ledger = Ledger(plan)
    declare(plan, nothing, cast("Broker", broker), ledger, SILENT, read=lambda: broker.now)
    assert [ledger.status(one) for one in sources] == [Status.NOT_TRIED, Status.APPLIED]
