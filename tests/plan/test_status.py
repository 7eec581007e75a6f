"""What goes on in the queues that are ours is told as it is, what needs attention first."""

from dataclasses import replace

import pytest

from proca_topo.plan.attention import status_of
from proca_topo.plan.planner import make_plan
from proca_topo.plan.status import Counts, State, Status
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity, Existing, Scope
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Binding, Policy, Queue
from tests.plan.circuit_world import (
    ALL_BINDINGS,
    FAIL_TO_WAIT,
    SOURCE,
    WAIT,
    WAY_BACK,
    WORK,
    desired,
    existing,
    queue,
)

BY_POLICY = replace(WAIT, arguments=Arguments.of({"x-dead-letter-exchange": "return"}))


def _states(status: Status) -> dict[str, State]:
    return {queue.name: queue.state for queue in status.queues}


def _ttl(name: str, milliseconds: int, *, pattern: str = "^wait$", priority: int = 0) -> Policy:
    definition = Arguments.of({"message-ttl": milliseconds})
    return Policy(name=name, pattern=pattern, apply_to="queues", priority=priority, definition=definition)


@pytest.mark.parametrize(
    ("activity", "state"),
    [
        (Activity(consumers=0), State.IDLE),
        (Activity(consumers=2), State.IDLE),
        (Activity(consumers=0, counted=False), State.BUSY),
        (Activity(ready=3, consumers=0), State.UNATTENDED),
        (Activity(ready=3, consumers=1), State.BUSY),
        (Activity(ready=3), State.BUSY),  # nobody knows of consumers: no false alarm
        (Activity(unacknowledged=3, consumers=0), State.BUSY),
        (Activity(unacknowledged=3, consumers=1), State.BUSY),
    ],
)
def test_the_state_of_a_desired_queue(activity: Activity, state: State) -> None:
    assert _states(status_of(existing(activity={"work": activity}), desired())) == {
        "work": state,
        "wait": State.WAITING,
    }


def test_a_stream_keeps_its_messages_whether_anybody_reads_them_or_not() -> None:
    log = Queue(name="work", type="stream")
    there = existing(queues=(log,), bindings=(), activity={"work": Activity(ready=3, consumers=0)})
    assert _states(status_of(there, desired(queues=(log,), bindings=()))) == {"work": State.BUSY}


def test_what_waits_in_a_circuit_and_when_it_is_back() -> None:
    there = existing(activity={"wait": Activity(ready=7, consumers=0), "work": Activity(ready=2, consumers=1)})
    status = status_of(there, desired())
    [circuit] = status.circuits
    assert (circuit.queue, circuit.activity.messages, circuit.delay_milliseconds) == ("wait", 7, 1000)
    assert circuit.returns_to == ("work",)
    assert {queue.name: queue.circuits for queue in status.queues} == {"work": ("wait",), "wait": ()}
    assert status.counts == Counts(queues=2, ready=2, unacknowledged=0, consumers=1, waiting=7)


@pytest.mark.parametrize(
    ("wait", "policies", "delay"),
    [
        (WAIT, (), 1000),
        (BY_POLICY, (_ttl("p", 5000),), 5000),
        (WAIT, (_ttl("p", 500),), 500),
        (WAIT, (_ttl("p", 5000),), 1000),
        (BY_POLICY, (_ttl("p", 5000), _ttl("q", 100, priority=1)), 100),
        # PCRE may read this pattern another way: the policy can be in force, or the next one, or none.
        (BY_POLICY, (_ttl("p", 5000), _ttl("q", 100, pattern=r"^(?>wait)$", priority=1)), 5000),
        (BY_POLICY, (_ttl("q", 100, pattern=r"^(?>wait)$"),), None),
        (BY_POLICY, (), None),
    ],
)
def test_the_delay_is_the_longest_that_may_be_in_force(
    wait: Queue, policies: tuple[Policy, ...], delay: int | None
) -> None:
    """Argument and policy together: RabbitMQ takes the smaller one."""
    wanted = replace(desired(), waiting=frozenset({"wait"}))
    status = status_of(existing(queues=(WORK, wait), policies=policies), wanted)
    assert [circuit.delay_milliseconds for circuit in status.circuits] == [delay]


def test_a_circuit_that_is_in_no_spec_any_more_is_told_from_work_with_a_time_limit() -> None:
    """Nobody publishes to what only waits. Work that nobody does is to be told, though it ends some day."""
    limited = replace(WORK, arguments=Arguments.of({**WORK.arguments.to_dict(), "x-message-ttl": 86_400_000}))
    activity = {"work": Activity(ready=2, consumers=0), "wait": Activity(ready=1, consumers=0)}
    status = status_of(existing(queues=(limited, WAIT), activity=activity), desired())
    assert _states(status) == {"work": State.UNATTENDED, "wait": State.WAITING}
    assert [(circuit.queue, circuit.returns_to) for circuit in status.circuits] == [("wait", ("work",))]


def test_a_queue_without_a_delay_or_with_consumers_is_no_waiting_queue() -> None:
    """What is in it does not come back by itself, or is taken out before it does."""
    for there in (
        existing(queues=(WORK, BY_POLICY), activity={"wait": Activity(ready=1, consumers=0)}),
        existing(activity={"wait": Activity(ready=1, consumers=1)}),
    ):
        status = status_of(there, desired())
        assert status.circuits == ()
        assert _states(status)["wait"] in {State.UNATTENDED, State.BUSY}


def test_a_queue_that_leaves_tells_what_it_waits_for() -> None:
    without_work = desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,))
    for activity, reason in (
        ({"work": Activity(ready=1, unacknowledged=2, consumers=0)}, "3 messages in it, 2 of them unacknowledged"),
        ({"work": Activity(consumers=1)}, "1 consumer on it"),
        ({"wait": Activity(ready=4, consumers=0)}, "4 messages in wait may still come to it"),
        ({}, None),
    ):
        [leaving] = [
            queue
            for queue in status_of(existing(activity=activity), without_work).queues
            if queue.state is State.LEAVING
        ]
        assert (leaving.name, leaving.waits_for) == ("work", reason)
        assert leaving.routes == 1, "the way back out of the circuit is none that an apply takes away now"


def test_a_queue_that_leaves_and_is_unbound_gets_no_more() -> None:
    there = existing(bindings=(FAIL_TO_WAIT, WAY_BACK), activity={"work": Activity(ready=1, consumers=0)})
    status = status_of(there, desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,)))
    assert [queue.routes for queue in status.queues if queue.state is State.LEAVING] == [0]


def test_what_is_protected_does_not_leave() -> None:
    status = status_of(existing(), desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,), protect=("work",)))
    assert [queue.waits_for for queue in status.queues if queue.state is State.LEAVING] == [
        "protected by protect: work (topology.yaml:4:5)"
    ]


def test_a_queue_that_is_to_be_renamed_leaves_for_its_new_name_and_is_not_missed() -> None:
    new = replace(WORK, name="job")
    wanted = replace(desired(queues=(new, WAIT), owns=("work", "job", "wait")), renames={"job": "work"})
    status = status_of(existing(activity={"work": Activity(ready=1)}), wanted)
    [leaving] = [queue for queue in status.queues if queue.state is State.LEAVING]
    assert leaving.waits_for == "apply --replace, by which it becomes job"
    assert status.absent == ()


def test_a_queue_that_a_plan_keeps_for_what_is_held_back_waits_for_that() -> None:
    """What is declared and replaced before has its part in what may go: `status` says what `plan --prune` says."""
    other, new = queue("other"), queue("new")
    there = existing(queues=(WORK, other), bindings=(SOURCE,))
    wanted = replace(
        desired(queues=(new,), bindings=(replace(SOURCE, destination="new"),), owns=("work", "other", "new")),
        renames={"new": "other"},
    )
    plan = make_plan(there, wanted, with_prune=True)
    [planned] = [change.held_back for change in plan.changes if change.noun == WORK]
    [leaving] = [one for one in status_of(there, wanted).queues if one.name == "work"]
    assert (leaving.state, leaving.waits_for, leaving.routes) == (State.LEAVING, planned, 0)
    assert planned is not None


def test_a_queue_that_leaves_once_its_replacement_is_finished_waits_for_that() -> None:
    wanted = desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,))
    [leaving] = [one for one in status_of(_being_replaced(WORK, "work"), wanted).queues if one.name == "work"]
    assert leaving.waits_for == "its replacement, which was begun and has to be finished first"


def test_what_is_not_there_yet() -> None:
    assert status_of(existing(queues=(WAIT,), bindings=()), desired()).absent == ("work",)


def test_what_is_not_ours_is_not_told() -> None:
    there = existing(queues=(WORK, WAIT, Queue(name="billing", type="classic")))
    assert {queue.name for queue in status_of(there, desired()).queues} == {"work", "wait"}


def test_an_unfinished_replacement_and_the_messages_it_holds() -> None:
    status = status_of(_being_replaced(WORK, "work"), desired())
    [replacement] = status.replacements
    assert replacement.found.replaced.was == WORK
    assert (replacement.found.parked, replacement.found.arriving) == (5, 2)
    assert status.held == 7
    assert {queue.name for queue in status.queues} == {"work", "wait"}


def test_the_replacements_of_other_orgs_are_theirs() -> None:
    scope = Scope(orgs=frozenset({"acme"}), queues=frozenset({"wait"}))
    assert status_of(_being_replaced(WORK, "work"), replace(desired(), scope=scope)).replacements == ()


def test_for_single_orgs_what_comes_back_to_them_from_what_all_share() -> None:
    """The waiting queue is nobody's own, so it is told as a circuit, and not counted."""
    wanted = desired(queues=(WORK,), bindings=(SOURCE, WAY_BACK))
    scope = Scope(orgs=frozenset({"acme"}), queues=frozenset({"work"}), bindings=wanted.bindings)
    status = status_of(existing(activity={"wait": Activity(ready=3)}), replace(wanted, scope=scope))
    assert status.orgs == ("acme",)
    assert _states(status) == {"work": State.IDLE}
    assert [circuit.activity.messages for circuit in status.circuits] == [3]
    assert status.counts.waiting == 0


def test_what_needs_attention_comes_first_and_of_that_the_most() -> None:
    queues = tuple(Queue(name=name, type="classic") for name in ("a", "b", "c", "d"))
    activity = {
        "a": Activity(consumers=0),
        "b": Activity(ready=1, consumers=0),
        "c": Activity(ready=9, consumers=1),
        "d": Activity(ready=5, consumers=0),
    }
    there = existing(queues=queues, bindings=(), activity=activity)
    status = status_of(there, desired(queues=queues, bindings=(), owns=("[abcd]",)))
    assert [queue.name for queue in status.queues] == ["d", "b", "c", "a"]


def test_a_definitions_file_is_idle() -> None:
    there = replace(existing(), activity={})
    assert set(_states(status_of(there, desired())).values()) == {State.IDLE, State.WAITING}


def _being_replaced(queue: Queue, becomes: str) -> Existing:
    replaced = Replaced(was=queue, becomes=becomes)
    holding = replaced.holding
    arguments = Arguments.of(replaced.arguments)
    parked, arriving = (
        Queue(name=name, type="classic", arguments=arguments) for name in (holding.parked, holding.arriving)
    )
    return existing(
        queues=(WORK, WAIT, parked, arriving),
        bindings=(*ALL_BINDINGS, Binding(source="in", destination=arriving.name, routing_key="a.*")),
        activity={parked.name: Activity(ready=5), arriving.name: Activity(ready=2)},
    )
