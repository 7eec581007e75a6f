"""What a plan tells about messages: where each change leads them, before anybody has lost one."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proca_topo.plan.changes import Delete, Plan, Replacing
from proca_topo.plan.impact.facts import Impact, Leaving, LeavingImpact
from proca_topo.plan.impact.telling import with_impact
from proca_topo.plan.planner import make_plan
from proca_topo.render.impact_text import impact_sentences
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Existing, Scope
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes
from proca_topo.topology.routing.topics import topic_matches
from tests.plan.circuit_world import ALL_BINDINGS, FAIL, FAIL_TO_WAIT, IN, RETURN, SOURCE, WAIT, WAY_BACK, WORK
from tests.plan.circuit_world import desired as circuit_desired
from tests.plan.circuit_world import existing as circuit_existing

OTHER: Final = Queue(name="other", type="classic")


def told(existing: Existing, desired: Desired, *, with_prune: bool = True) -> Plan:
    return with_impact(make_plan(existing, desired, with_prune=with_prune), existing, desired)


def sentences(plan: Plan) -> dict[str, list[str]]:
    """What is said about each change, by the name of its object."""
    return {
        change.noun.name: [
            sentence.text
            for sentence in impact_sentences(change.impact, is_held_back=change.held_back is not None)
        ]
        for change in plan.changes
        if change.impact is not None
    }


def bound(key: str, queue: str = "work", source: str = "in") -> Binding:
    return Binding(source=source, destination=queue, routing_key=key)


def test_a_key_that_reaches_nothing_any_more_is_told_with_the_queue_that_it_reached() -> None:
    plan = told(circuit_existing(), circuit_desired(bindings=(FAIL_TO_WAIT, WAY_BACK)))
    assert sentences(plan) == {SOURCE.name: ["after this, a.* reaches nothing (was: work)"]}


def test_a_binding_of_the_old_name_that_goes_with_a_renaming_leads_nowhere_after_it() -> None:
    there = circuit_existing(bindings=(bound("a"), bound("b")))
    job = replace(WORK, name="job")
    wanted = circuit_desired(queues=(job, WAIT), bindings=(bound("a", "job"),), owns=("in", "work", "job", "wait"))
    wanted = replace(wanted, renames={"job": "work"})
    plan = with_impact(make_plan(there, wanted, with_prune=True, replacing=Replacing.IDLE), there, wanted)
    assert sentences(plan)[bound("b", "job").name] == ["after this, b reaches nothing (was: work)"]


def test_what_is_held_back_tells_what_it_would_do() -> None:
    plan = told(circuit_existing(), circuit_desired(bindings=(FAIL_TO_WAIT, WAY_BACK)), with_prune=False)
    assert sentences(plan) == {SOURCE.name: ["if let through, a.* reaches nothing (was: work)"]}


def test_two_changes_that_make_up_for_each_other_cut_nothing_off() -> None:
    plan = told(circuit_existing(), circuit_desired(bindings=(bound("#"), FAIL_TO_WAIT, WAY_BACK)))
    assert sentences(plan) == {bound("#").name: ["adds work to #, which reached nothing"]}


def test_of_the_keys_of_a_wide_pattern_those_are_named_to_which_something_else_happens() -> None:
    there = circuit_existing(
        queues=(WORK, WAIT, OTHER), bindings=(bound("#"), bound("b", "other"), FAIL_TO_WAIT, WAY_BACK)
    )
    wanted = circuit_desired(
        queues=(WORK, WAIT, OTHER), bindings=(bound("b", "other"), FAIL_TO_WAIT, WAY_BACK), owns=("in", "work")
    )
    assert sentences(told(there, wanted)) == {
        bound("#").name: ["after this, # reaches nothing (was: work)", "takes work from b"]
    }


def test_where_the_spec_says_the_shape_of_keys_each_key_is_named() -> None:
    wanted = replace(circuit_desired(bindings=(FAIL_TO_WAIT, WAY_BACK)), key_shapes={"in": ("org", "x|y|z|w")})
    assert sentences(told(circuit_existing(), wanted)) == {
        SOURCE.name: ["after this, 4 keys (a.x, a.y, a.z, and so on) reach nothing (was: work)"]
    }


def test_a_queue_beside_others_is_added_and_one_that_takes_the_place_of_another_is_told_so() -> None:
    there = circuit_existing(queues=(WORK, WAIT, OTHER))
    both = circuit_desired(queues=(WORK, WAIT, OTHER), bindings=(*ALL_BINDINGS, bound("a.*", "other")))
    assert sentences(told(there, both)) == {bound("a.*", "other").name: ["adds other to a.*"]}
    moved = replace(both, bindings=frozenset({bound("a.*", "other"), FAIL_TO_WAIT, WAY_BACK}))
    assert sentences(told(there, moved)) == {
        bound("a.*", "other").name: ["a.* goes to other instead of work"],
        SOURCE.name: ["a.* goes to other instead of work"],
    }


def test_a_new_exchange_is_not_told_about_because_nobody_publishes_there_yet() -> None:
    assert sentences(told(circuit_existing(exchanges=(), queues=(), bindings=()), circuit_desired())) == {}


def test_the_way_back_of_a_new_queue_is_its_own_affair() -> None:
    there = circuit_existing(queues=(WAIT,), bindings=(FAIL_TO_WAIT,))
    assert sentences(told(there, circuit_desired())) == {SOURCE.name: ["adds work to a.*, which reached nothing"]}


def test_what_an_exchange_gets_by_its_name_is_told_of_one_that_was_there() -> None:
    """Messages for it may be on their way; and to a fanout exchange a queue's name is any key."""
    audit, news = Exchange(name="audit", type="topic"), Exchange(name="news", type="fanout")
    to_audit = Binding(
        source="in", destination="audit", destination_type=DestinationType.EXCHANGE, routing_key="audit"
    )
    there = circuit_existing(
        exchanges=(IN, FAIL, RETURN, audit, news), bindings=(*ALL_BINDINGS, bound("#", source="audit"))
    )
    to_other = bound("other", "other", source="news")
    wanted = circuit_desired(
        exchanges=(IN, FAIL, RETURN, audit, news),
        queues=(WORK, WAIT, OTHER),
        bindings=(*ALL_BINDINGS, bound("#", source="audit"), to_audit, to_other),
        owns=(".*",),
    )
    assert sentences(told(there, wanted)) == {
        to_audit.name: ["adds work to audit, which reached nothing"],
        to_other.name: ["adds other to every message, which reached nothing"],
    }


def test_a_policy_that_takes_the_place_of_one_that_leads_dead_letters_tells_so() -> None:
    plain = replace(WORK, arguments=Arguments.of({}))
    leads = Policy(name="leads", pattern="^w", definition=Arguments.of({"dead-letter-exchange": "fail"}))
    limit = Policy(name="policy", pattern="^work$", priority=5, definition=Arguments.of({"max-length": 1}))
    there = circuit_existing(queues=(plain, WAIT), policies=(leads,))
    wanted = circuit_desired(queues=(plain, WAIT), policies=(leads, limit))
    [text] = sentences(told(there, wanted))["policy"]
    assert text == "after this, what work rejects or lets expire is dropped (was: exchange fail)"


def test_what_reaches_nothing_is_told_first_however_much_there_is() -> None:
    words = [f"a{number:02}" for number in range(25)]
    others = [bound(word, "other") for word in words[:24]]
    there = circuit_existing(queues=(WORK, WAIT, OTHER), bindings=(bound("*"), *others, FAIL_TO_WAIT, WAY_BACK))
    wanted = circuit_desired(queues=(WORK, WAIT, OTHER), bindings=(*others, FAIL_TO_WAIT, WAY_BACK), owns=(".*",))
    texts = sentences(told(there, replace(wanted, key_shapes={"in": ("|".join(words),)})))[bound("*").name]
    assert texts[0] == "after this, a24 reaches nothing (was: work)"


def test_a_plan_for_single_orgs_does_not_claim_that_a_key_reaches_nothing() -> None:
    scope = Scope(orgs=frozenset({"acme"}), queues=frozenset({"work"}), bindings=frozenset({SOURCE}))
    wanted = replace(circuit_desired(bindings=(FAIL_TO_WAIT, WAY_BACK)), scope=scope)
    assert sentences(told(circuit_existing(), wanted)) == {SOURCE.name: ["takes work from a.*"]}
    added = replace(circuit_desired(), scope=scope)
    assert sentences(told(circuit_existing(bindings=(FAIL_TO_WAIT, WAY_BACK)), added)) == {
        SOURCE.name: ["adds work to a.*"]
    }


def test_a_way_through_another_exchange_is_followed() -> None:
    hop = Binding(source="in", destination="mid", destination_type=DestinationType.EXCHANGE, routing_key="c")
    middle = Exchange(name="mid", type="fanout")
    there = circuit_existing(
        exchanges=(IN, FAIL, RETURN, middle), bindings=(*ALL_BINDINGS, bound("", source="mid"))
    )
    wanted = circuit_desired(
        exchanges=(IN, FAIL, RETURN, middle),
        bindings=(*ALL_BINDINGS, bound("", source="mid"), hop),
        owns=("in", "mid", "work", "wait", "fail", "return"),
    )
    assert sentences(told(there, wanted)) == {hop.name: ["adds work to c, which reached nothing"]}


@pytest.mark.parametrize(
    ("exchange_type", "arguments", "expected"),
    [
        ("direct", {}, "after this, a.* reaches nothing (was: work)"),
        ("fanout", {}, "after this, every message reaches nothing (was: work)"),
        ("headers", {"k": "v"}, "after this, what has only the headers k=v reaches nothing (was: work)"),
        ("x-random", {}, "which messages an exchange of type x-random passes on cannot be known"),
    ],
)
def test_each_type_of_exchange_is_told_in_its_own_words(
    exchange_type: str, arguments: dict[str, str], expected: str
) -> None:
    source = Exchange(name="in", type=exchange_type)
    binding = replace(SOURCE, arguments=Arguments.of(arguments))
    there = circuit_existing(exchanges=(source, FAIL, RETURN), bindings=(binding, FAIL_TO_WAIT, WAY_BACK))
    wanted = circuit_desired(exchanges=(source, FAIL, RETURN), bindings=(FAIL_TO_WAIT, WAY_BACK))
    assert sentences(told(there, wanted)) == {binding.name: [expected]}


def test_an_exchange_of_another_type_means_something_else_by_its_bindings() -> None:
    direct = replace(IN, type="direct")
    plan = told(circuit_existing(), circuit_desired(exchanges=(direct, FAIL, RETURN)))
    assert sentences(plan) == {"in": ["if let through, a.* reaches nothing (was: work)"]}
    back = told(circuit_existing(exchanges=(direct, FAIL, RETURN)), circuit_desired())
    assert sentences(back) == {"in": ["if let through, adds work to a.*, which reached nothing"]}


def test_dead_letters_that_would_be_dropped_are_told() -> None:
    plain = replace(WORK, arguments=Arguments())
    [change] = told(circuit_existing(), circuit_desired(queues=(plain, WAIT))).changes
    impact = LeavingImpact(leaving=Leaving.DEAD_LETTERS, name="work", before=("wait",), after=())
    assert change.impact == Impact(leaving=(impact,), leaving_count=1)
    assert sentences(told(circuit_existing(), circuit_desired(queues=(plain, WAIT))))["work"] == [
        "if let through, what work rejects or lets expire is dropped (was: wait)"
    ]


def test_a_policy_that_leads_dead_letters_elsewhere_tells_of_which_queues() -> None:
    plain = replace(WORK, arguments=Arguments())
    policy = Policy(
        name="policy",
        pattern="^work$",
        apply_to="queues",
        definition=Arguments.of({"dead-letter-exchange": "fail"}),
    )
    there = circuit_existing(queues=(plain, WAIT))
    assert sentences(told(there, circuit_desired(queues=(plain, WAIT), policies=(policy,)))) == {
        "policy": ["what work rejects or lets expire goes to exchange fail (was: nothing)"]
    }


def test_a_policy_that_gives_an_exchange_an_alternate_tells_so() -> None:
    policy = Policy(
        name="policy",
        pattern="^in$",
        apply_to="exchanges",
        definition=Arguments.of({"alternate-exchange": "fail"}),
    )
    assert sentences(told(circuit_existing(), circuit_desired(policies=(policy,)))) == {
        "policy": ["what in cannot route goes to exchange fail (was: nothing)"]
    }
    assert sentences(told(circuit_existing(policies=(policy,)), circuit_desired())) == {
        "policy": [
            "after this, what in cannot route is dropped, or returned if it is mandatory (was: exchange fail)"
        ]
    }


PATTERNS: Final = st.lists(st.sampled_from(["a", "b", "*", "#"]), min_size=1, max_size=3).map(".".join)
BINDINGS: Final = st.frozensets(
    st.builds(bound, PATTERNS, st.sampled_from(["work", "other", "third"])), max_size=6
)
# Words that no pattern names are represented by "c".
KEYS: Final = [".".join(words) for length in range(4) for words in product("abc", repeat=length)]


@given(BINDINGS, BINDINGS)
def test_no_key_goes_another_way_in_silence(before: Iterable[Binding], after: Iterable[Binding]) -> None:
    queues = (Queue(name="work", type="classic"), OTHER, Queue(name="third", type="classic"))
    there = circuit_existing(exchanges=(IN,), queues=queues, bindings=tuple(before))
    wanted = circuit_desired(
        exchanges=(IN,), queues=queues, bindings=tuple(after), owns=("in", "work", "other", "third")
    )
    plan = told(there, wanted)
    assert all(not isinstance(change, Delete) or change.held_back is None for change in plan.changes)
    listed = [route for change in plan.changes if change.impact for route in change.impact.routes]
    old, new = Routes(there), Routes(wanted)
    for key in KEYS:
        was, becomes = (set(routes.reached("in", Message(routing_key=key)).queues) for routes in (old, new))
        if was != becomes:
            assert any(topic_matches(route.key or "", key) for route in listed), key
    for route in listed:
        # A wildcard in it is any word that no pattern names.
        message = Message(routing_key=(route.key or "").replace("*", "c").replace("#", "c.c.c.c"))
        assert set(route.before) == old.reached("in", message).queues
        assert set(route.after) == new.reached("in", message).queues
