"""A plan that was kept is the plan as long as nothing but counts has changed; else it is said what has."""

from dataclasses import replace

import pytest

from proca_topo.plan.planner import make_plan
from proca_topo.plan.saved import saved_plan
from proca_topo.plan.staleness import Discrepancy, Verdict, discrepancies, elsewhere
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing, Scope
from proca_topo.topology.nouns import Binding, Policy, Queue
from tests.plan.circuit_world import ALL_BINDINGS, IN, SOURCE, WAIT, WAY_BACK, WORK, desired, existing

SLOWER = replace(WAIT, arguments=Arguments.of({"x-dead-letter-exchange": "return", "x-message-ttl": 5000}))
OTHER = Queue(name="other", type="classic")
POLICY = Policy(name="policy", pattern="^work$", definition=Arguments.of({"message-ttl": 10}))
OWNS = ("in", "fail", "return", "work", "wait", "policy", "other")


def wanting(queues: tuple[Queue, ...] = (WORK, WAIT), bindings: tuple[Binding, ...] = ALL_BINDINGS) -> Desired:
    return desired(queues=queues, bindings=bindings, owns=OWNS)


def found(
    then: tuple[Existing, Desired], now: tuple[Existing, Desired], *, with_prune: bool = True
) -> tuple[Discrepancy, ...]:
    saved = saved_plan(make_plan(*then, with_prune=with_prune), *then, with_prune=with_prune)
    return discrepancies(saved, make_plan(*now, with_prune=with_prune), *now)


def told(then: tuple[Existing, Desired], now: tuple[Existing, Desired]) -> list[tuple[str, Verdict, str]]:
    return [(one.change.noun.name, one.verdict, one.why) for one in found(then, now)]


EMPTY = existing(exchanges=(), queues=(), bindings=())
FULL = existing()


@pytest.mark.parametrize("side", [(EMPTY, desired()), (FULL, desired()), (FULL, desired(queues=(), bindings=()))])
def test_nothing_has_changed(side: tuple[Existing, Desired]) -> None:
    assert found(side, side) == ()


def test_what_is_already_done_is_told() -> None:
    declared = told((EMPTY, desired()), (FULL, desired()))
    assert len(declared) == 8
    assert {verdict for _, verdict, _ in declared} == {Verdict.DONE}
    assert told((existing(queues=(WORK, WAIT, OTHER)), wanting()), (FULL, wanting())) == [
        ("other", Verdict.DONE, "")
    ]
    there = existing(policies=(replace(POLICY, priority=5),))
    wanted = desired(policies=(POLICY,))
    assert told((there, wanted), (existing(policies=(POLICY,)), wanted)) == [("policy", Verdict.DONE, "")]


def test_a_part_of_it_that_is_done_leaves_the_rest_the_same() -> None:
    there = existing(queues=(WORK,), bindings=(SOURCE, WAY_BACK))
    assert told((existing(queues=(), bindings=()), wanting()), (there, wanting())) == [
        ("work", Verdict.DONE, ""),
        ("return -[work]-> work", Verdict.DONE, ""),
        ("in -[a.*]-> work", Verdict.DONE, ""),
    ]


def test_a_change_of_the_spec_is_told() -> None:
    plain = (FULL, wanting())
    with_other = (FULL, wanting(queues=(WORK, WAIT, OTHER)))
    assert told(plain, with_other) == [("other", Verdict.NEW, "the spec has it since then")]
    assert told(with_other, plain) == [("other", Verdict.GONE, "the spec no longer has it")]
    lazy = (FULL, wanting(queues=(WORK, WAIT, replace(OTHER, arguments=Arguments.of({"x-max-length": 1})))))
    assert told(with_other, lazy) == [("other", Verdict.DIFFERENT, "the spec has changed it")]
    slower = (FULL, wanting(queues=(WORK, SLOWER)))
    assert told(plain, slower) == [("wait", Verdict.NEW, "the spec has changed it")]
    assert told(slower, plain) == [("wait", Verdict.GONE, "the spec has changed it")]
    undesired = (existing(queues=(WORK, WAIT, OTHER)), wanting())
    desired_again = (existing(queues=(WORK, WAIT, OTHER)), wanting(queues=(WORK, WAIT, OTHER)))
    assert told(desired_again, undesired) == [("other", Verdict.NEW, "the spec no longer has it")]
    assert told(undesired, desired_again) == [("other", Verdict.GONE, "the spec has it again")]
    given_up = (existing(queues=(WORK, WAIT, OTHER)), desired())
    assert told(undesired, given_up) == [("other", Verdict.GONE, "it is no longer among what the spec owns")]


def test_a_change_of_the_broker_is_told() -> None:
    plain = (FULL, wanting())
    assert told(plain, (existing(queues=(WORK, SLOWER)), wanting())) == [
        ("wait", Verdict.NEW, "it has changed on the broker")
    ]
    assert told(plain, (existing(bindings=ALL_BINDINGS[1:]), wanting())) == [
        ("in -[a.*]-> work", Verdict.NEW, "it is gone from the broker")
    ]
    assert told(plain, (existing(queues=(WORK, WAIT, OTHER)), wanting())) == [
        ("other", Verdict.NEW, "it is on the broker since then, or the spec owns it since then")
    ]
    even_slower = replace(WAIT, arguments=Arguments.of({"x-message-ttl": 9000}))
    assert told(
        (existing(queues=(WORK, SLOWER)), wanting()), (existing(queues=(WORK, even_slower)), wanting())
    ) == [("wait", Verdict.DIFFERENT, "it has changed on the broker")]
    before = (existing(queues=(WORK,), bindings=(SOURCE, WAY_BACK)), wanting(bindings=(SOURCE, WAY_BACK)))
    meanwhile = (existing(queues=(WORK, SLOWER), bindings=(SOURCE, WAY_BACK)), before[1])
    [(_, verdict, why)] = told(before, meanwhile)
    assert verdict is Verdict.DIFFERENT
    assert why.startswith("to replace now, it was to declare; held back now (it needs --replace")
    assert why.endswith("; it is on the broker now")


def test_both_may_have_changed() -> None:
    now = (existing(queues=(WORK, SLOWER)), wanting(queues=(WORK, replace(WAIT, arguments=Arguments()))))
    assert told((FULL, wanting()), now) == [("wait", Verdict.NEW, "both the spec and the broker have changed it")]


def test_counts_of_messages_matter_only_where_they_change_what_is_done() -> None:
    wanted = wanting()

    def holding(messages: int) -> tuple[Existing, Desired]:
        return existing(queues=(WORK, WAIT, OTHER), activity={"other": Activity(ready=messages)}), wanted

    assert found(holding(3), holding(7)) == ()
    assert told(holding(0), holding(7)) == [
        ("other", Verdict.DIFFERENT, "to retire now (7 messages in it), it was to delete")
    ]
    assert told(holding(7), holding(0)) == [("other", Verdict.DIFFERENT, "to delete now, it was to retire")]
    # Without prune nothing is done about it in either case.
    assert found(holding(0), holding(7), with_prune=False) == ()


def test_what_is_held_back_now_is_another_change() -> None:
    limit = replace(POLICY, definition=Arguments.of({"max-length": 10}))
    idle = (FULL, desired(policies=(limit,)))
    full = (existing(activity={"work": Activity(ready=12)}), desired(policies=(limit,)))
    [(_, verdict, why)] = told(idle, full)
    assert verdict is Verdict.DIFFERENT
    assert why.startswith("held back now (max-length 10 would drop 2 of 12 messages in work")
    assert told(full, idle) == [("policy", Verdict.DIFFERENT, "no longer held back")]


def test_another_default_type_makes_other_queues() -> None:
    typeless = wanting(queues=(WORK, WAIT, replace(OTHER, type=None)))
    quorum = replace(FULL, default_queue_type="quorum")
    why = "the vhost's default queue type was classic and is quorum"
    assert told((FULL, typeless), (quorum, typeless)) == [("other", Verdict.DIFFERENT, why)]
    there = existing(queues=(WORK, WAIT, OTHER))
    assert told((there, typeless), (replace(there, default_queue_type="quorum"), typeless)) == [
        ("other", Verdict.NEW, why)
    ]
    assert found((FULL, wanting()), (quorum, wanting())) == ()


def test_of_what_is_out_of_scope_now_nothing_is_claimed() -> None:
    """It was not read, so that it is not there says nothing."""
    there = existing(queues=(WORK, WAIT, OTHER))
    scope = Scope(orgs=frozenset({"acme"}), queues=frozenset({"work", "wait", "other"}))
    then = (there, replace(wanting(bindings=()), scope=scope))
    narrower = replace(scope, queues=frozenset({"work", "wait"}))
    now = (existing(), replace(wanting(bindings=()), scope=narrower))
    [gone] = [one for one in found(then, now) if one.change.noun == OTHER]
    assert (gone.verdict, gone.why) == (Verdict.GONE, "it is no longer among what the spec owns")


def test_a_plan_is_for_one_broker_and_one_vhost() -> None:
    there = replace(FULL, broker=replace(FULL.broker, cluster_name="rabbit@one"))
    saved = saved_plan(make_plan(there, desired()), there, desired(), with_prune=False)
    here = there.broker.location
    assert elsewhere(saved, location=here, cluster_name="rabbit@one", vhost="proca") is None
    assert elsewhere(saved, location=here) is None
    assert elsewhere(saved, location="http://b") == f"it is for the broker {here}, and this is http://b"
    assert elsewhere(saved, location=here, vhost="x") == "it is for the vhost proca, and x is asked for"
    assert elsewhere(saved, location=here, cluster_name="rabbit@two") == (
        f"it is for the cluster rabbit@one, and at {here} is now the cluster rabbit@two (nodes of a cluster"
        " without a name each tell their own: `rabbitmqctl set_cluster_name NAME`)"
    )


def test_the_same_name_of_another_kind_is_another_object() -> None:
    named = Queue(name=IN.name, type="classic")
    then = (existing(exchanges=FULL_WITHOUT_IN, bindings=()), wanting(bindings=()))
    now = (then[0], wanting(queues=(WORK, WAIT, named), bindings=()))
    assert [(o.change.noun, o.verdict) for o in found(then, now)] == [(named, Verdict.NEW)]


FULL_WITHOUT_IN = tuple(exchange for exchange in FULL.exchanges.values() if exchange != IN)


def test_a_queue_that_is_renamed_is_compared_by_its_old_name() -> None:
    """What it is when its messages are moved is what the plan was about."""
    old, new = replace(WORK, name="other", arguments=Arguments.of({})), replace(WORK, arguments=Arguments.of({}))
    wanted = replace(desired(queues=(new, WAIT), bindings=(), owns=OWNS), renames={"work": "other"})
    then = existing(queues=(old, WAIT), bindings=())
    limited = replace(old, arguments=Arguments.of({"x-max-length": 5}))
    assert told((then, wanted), (then, wanted)) == []
    assert ("work", Verdict.DIFFERENT, "it has changed on the broker") in told(
        (then, wanted), (existing(queues=(limited, WAIT), bindings=()), wanted)
    )
