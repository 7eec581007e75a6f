"""What is owned and no longer desired goes only when nothing can be lost by it."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Change, Delete, Plan, Retire, WaitsFor, action_of
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from tests.plan.circuit_world import (
    ALL_BINDINGS,
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

WITHOUT_WORK = desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,))
NOTHING = desired(exchanges=(), queues=(), bindings=())


def words(plan: Plan) -> list[str]:
    return [_word(change) for change in plan.changes]


def _word(change: Change) -> str:
    line = f"{action_of(change)} {change.noun.name}"
    match change:
        case Retire():
            return f"{line}: {change.reason}"
        case Delete(along_with=str(queue)):
            return f"{line} with {queue}"
        case _:
            return line


def test_an_idle_queue_is_unbound_and_deleted_and_its_way_back_goes_with_it() -> None:
    assert words(make_plan(existing(), WITHOUT_WORK, with_prune=True)) == [
        "delete in -[a.*]-> work",
        "delete return -[work]-> work with work",
        "delete work",
    ]


def test_a_queue_with_messages_loses_its_source_keeps_its_way_back_and_is_retired() -> None:
    there = existing(activity={"work": Activity(ready=2, unacknowledged=1, consumers=0)})
    assert words(make_plan(there, WITHOUT_WORK, with_prune=True)) == [
        "delete in -[a.*]-> work",
        "retire return -[work]-> work: messages may still come to work by it",
        "retire work: 3 messages in it, 1 of them unacknowledged",
    ]


def test_a_queue_whose_messages_may_wait_in_its_circuit_is_retired() -> None:
    there = existing(activity={"wait": Activity(ready=3)})
    assert words(make_plan(there, WITHOUT_WORK, with_prune=True))[1:] == [
        "retire return -[work]-> work: messages may still come to work by it",
        "retire work: 3 messages in wait may still come to it",
    ]


def test_a_queue_with_a_consumer_is_retired() -> None:
    there = existing(activity={"work": Activity(consumers=2)})
    assert words(make_plan(there, WITHOUT_WORK, with_prune=True))[-1] == "retire work: 2 consumers on it"


def test_a_whole_idle_circuit_goes_at_once() -> None:
    plan = make_plan(existing(), NOTHING, with_prune=True)
    assert {action_of(change) for change in plan.changes} == {"delete"}
    assert len(plan.changes) == 8


def test_while_a_queue_drains_the_whole_circuit_it_needs_stays() -> None:
    there = existing(activity={"work": Activity(ready=1)})
    assert words(make_plan(there, NOTHING, with_prune=True)) == [
        "retire fail -[#]-> wait: messages may still come to wait by it",
        "delete in -[a.*]-> work",
        "retire return -[work]-> work: messages may still come to work by it",
        "retire wait: 1 message in work may still come to it",
        "retire work: 1 message in it",
        "retire fail: fail -[#]-> wait still needs it",
        "delete in",
        "retire return: return -[work]-> work still needs it",
    ]


def test_messages_in_the_waiting_queue_keep_everything_on_their_way_back() -> None:
    there = existing(activity={"wait": Activity(ready=1)})
    plan = make_plan(there, NOTHING, with_prune=True)
    kept = {change.noun.name for change in plan.changes if isinstance(change, Retire)}
    assert kept == {"work", "wait", "fail", "return", WAY_BACK.name, FAIL_TO_WAIT.name}


def test_a_queue_taken_out_of_its_circuit_keeps_its_way_back_while_it_still_dead_letters_there() -> None:
    """Its dead-letter arguments cannot be changed yet, so its messages still go round."""
    plain = replace(WORK, arguments=Arguments.of({}))
    plan = make_plan(existing(), desired(queues=(plain, WAIT), bindings=(SOURCE, FAIL_TO_WAIT)), with_prune=True)
    assert words(plan) == [
        "replace work",
        "retire return -[work]-> work: the dead letters of work still come back by it",
    ]


JOB = queue("job", dead_letter_exchange="fail", dead_letter_routing_key="job")
KEEPS_KEY = queue("job", dead_letter_exchange="fail")
LEADS_BACK_AS_BEFORE = queue("wait", dead_letter_exchange="return", dead_letter_routing_key="work", message_ttl=1)


@pytest.mark.parametrize(
    ("job", "wait", "messages", "verdict"),
    [
        (JOB, WAIT, 0, "delete return -[work]-> job"),
        (JOB, WAIT, 2, "retire return -[work]-> job: 2 messages in wait may come back by it"),
        (KEEPS_KEY, WAIT, 0, "retire return -[work]-> job: the dead letters of job still come back by it"),
        (
            JOB,
            LEADS_BACK_AS_BEFORE,
            0,
            "retire return -[work]-> job: the dead letters of job still come back by it",
        ),
    ],
)
def test_a_way_back_by_a_key_that_the_dead_letters_of_its_queue_do_not_have(
    job: Queue, wait: Queue, messages: int, verdict: str
) -> None:
    """As a queue has it that was renamed: by the old name came only what was rejected under that."""
    old, new = (bind("return", key, "job") for key in ("work", "job"))
    there = existing(
        queues=(job, wait), bindings=(FAIL_TO_WAIT, old, new), activity={"wait": Activity(ready=messages)}
    )
    wanted = desired(
        queues=(job, wait), bindings=(FAIL_TO_WAIT, new), owns=("job", "wait", "in", "fail", "return")
    )
    assert words(make_plan(there, wanted, with_prune=True)) == [verdict]


def test_a_dead_letter_route_that_is_moved_to_another_queue_may_go() -> None:
    parking = Queue(name="parking", type="classic")
    plan = make_plan(
        existing(queues=(WORK, WAIT, parking)),
        desired(
            queues=(WORK, parking),
            bindings=(SOURCE, WAY_BACK, Binding(source="fail", destination="parking", routing_key="#")),
        ),
        with_prune=True,
    )
    assert "delete fail -[#]-> wait" in words(plan)
    assert "delete wait" in words(plan)


def test_an_exchange_that_somebody_elses_queue_is_bound_to_is_held_back() -> None:
    audit = Queue(name="audit", type="classic")
    theirs = Binding(source="in", destination="audit", routing_key="#")
    there = existing(queues=(WORK, WAIT, audit), bindings=(*ALL_BINDINGS, theirs))
    plan = make_plan(there, NOTHING, with_prune=True)
    [held] = [change for change in plan.changes if change.held_back]
    assert held.noun == IN
    assert held.held_back == "in -[#]-> audit is not ours and still bound; have it unbound, or keep the exchange"
    assert theirs not in [change.noun for change in plan.changes]


def test_an_exchange_that_somebody_elses_queue_dead_letters_to_stays() -> None:
    theirs = Queue(name="theirs", type="classic", arguments=Arguments.of({"x-dead-letter-exchange": "fail"}))
    plan = make_plan(existing(queues=(WORK, WAIT, theirs)), NOTHING, with_prune=True)
    assert "retire fail -[#]-> wait: theirs still sends dead letters this way" in words(plan)
    assert "retire fail: fail -[#]-> wait still needs it" in words(plan)


def test_an_alternate_exchange_stays_while_an_exchange_that_remains_names_it() -> None:
    lost = Exchange(name="lost", type="fanout")
    theirs = Exchange(name="theirs", type="topic", arguments=Arguments.of({"alternate-exchange": "lost"}))
    there = existing(exchanges=(IN, FAIL, RETURN, lost, theirs))
    plan = make_plan(there, desired(owns=("lost",)), with_prune=True)
    assert words(plan) == ["retire lost: theirs still has it as alternate exchange"]


def test_exchanges_bound_to_each_other_go_together() -> None:
    hop = Binding(source="in", destination="fail", destination_type=DestinationType.EXCHANGE, routing_key="x")
    plan = make_plan(existing(bindings=(*ALL_BINDINGS, hop)), NOTHING, with_prune=True)
    assert {action_of(change) for change in plan.changes} == {"delete"}


def test_dead_letters_that_return_through_the_default_exchange_are_seen() -> None:
    wait = replace(
        WAIT,
        arguments=Arguments.of(
            {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "work", "x-message-ttl": 1}
        ),
    )
    there = existing(queues=(WORK, wait), bindings=(SOURCE, FAIL_TO_WAIT), activity={"wait": Activity(ready=5)})
    plan = make_plan(there, desired(queues=(wait,), bindings=(FAIL_TO_WAIT,)), with_prune=True)
    assert "retire work: 5 messages in wait may still come to it" in words(plan)


def test_a_circuit_whose_exchanges_come_from_a_policy_is_seen() -> None:
    policy = Policy(name="theirs", pattern="^work$", definition=Arguments.of({"dead-letter-exchange": "fail"}))
    plain = replace(WORK, arguments=Arguments.of({}))
    there = existing(queues=(plain, WAIT), policies=(policy,), activity={"wait": Activity(ready=1)})
    plan = make_plan(there, WITHOUT_WORK, with_prune=True)
    assert "retire work: 1 message in wait may still come to it" in words(plan)


def test_a_policy_stays_while_a_queue_that_is_retired_lives_by_it() -> None:
    policy = Policy(name="policy", pattern="^wait$", definition=Arguments.of({"message-ttl": 1000}))
    there = existing(policies=(policy,), activity={"wait": Activity(ready=1)})
    assert "retire policy: wait needs it until it is gone" in words(make_plan(there, NOTHING, with_prune=True))
    assert "delete policy" in words(make_plan(existing(policies=(policy,)), NOTHING, with_prune=True))


def test_a_policy_stays_while_what_it_sets_is_in_no_argument_yet() -> None:
    """Switching a circuit's delay from policy to argument needs a replacement first, or nothing ever expires."""
    policy = Policy(name="policy", pattern="^wait$", definition=Arguments.of({"message-ttl": 1000}))
    by_policy = replace(WAIT, arguments=Arguments.of({"x-dead-letter-exchange": "return"}))
    there = existing(queues=(WORK, by_policy), policies=(policy,))
    assert words(make_plan(there, desired(), with_prune=True)) == [
        "replace wait",
        "retire policy: wait needs it until it is replaced",
    ]


def test_without_prune_everything_is_listed_and_held_back() -> None:
    plan = make_plan(existing(), WITHOUT_WORK)
    assert len(plan.changes) == plan.held_back == 3
    assert plan.to_do == ()


def test_what_is_ignored_is_not_even_listed() -> None:
    extra = Binding(source="in", destination="work", routing_key="theirs")
    there = existing(bindings=(*ALL_BINDINGS, extra))
    assert words(make_plan(there, desired(ignored=(extra,)), with_prune=True)) == []
    assert words(make_plan(there, desired(), with_prune=True)) == [f"delete {extra.name}"]


def test_what_is_not_owned_is_never_in_a_plan() -> None:
    plan = make_plan(existing(), desired(exchanges=(), queues=(), bindings=(), owns=()), with_prune=True)
    assert plan.changes == ()


def test_a_retired_source_leaves_its_queue_bound_nowhere_else() -> None:
    """The bindings that bring messages go at once, whatever waits: otherwise a queue would never drain."""
    there = existing(activity={"work": Activity(ready=2)})
    plan = make_plan(there, NOTHING, with_prune=True)
    assert [c.noun for c in plan.to_do if isinstance(c.noun, Binding)] == [SOURCE]
    assert FAIL in there.exchanges.values()


def _waits(plan: Plan) -> dict[str, WaitsFor]:
    return {change.noun.name: change.waits_for for change in plan.changes if isinstance(change, Retire)}


def test_what_somebody_else_has_to_change_does_not_wait_for_time() -> None:
    """Another's queue keeps sending dead letters for ever; one that drains stops when it goes."""
    theirs = Queue(name="theirs", type="classic", arguments=Arguments.of({"x-dead-letter-exchange": "fail"}))
    used = _waits(make_plan(existing(queues=(WORK, WAIT, theirs)), NOTHING, with_prune=True))
    assert used[FAIL_TO_WAIT.name] is used[WAIT.name] is WaitsFor.DEAD_LETTERS_ELSEWHERE
    drains = _waits(make_plan(existing(activity={"work": Activity(ready=1)}), NOTHING, with_prune=True))
    assert FAIL.name in drains
    assert set(drains.values()) == {WaitsFor.TIME}


def test_what_is_in_a_stream_does_not_drain() -> None:
    stream = Queue(name="work", type="stream")
    there = existing(queues=(stream,), bindings=(), activity={"work": Activity(ready=5, consumers=1)})
    wanted = desired(queues=(), bindings=())
    [change] = [c for c in make_plan(there, wanted, with_prune=True).changes if c.noun == stream]
    assert isinstance(change, Retire)
    assert change.reason == "5 messages in it, and a stream keeps what has been read"
    assert change.waits_for is WaitsFor.STREAM
