"""No plan takes away the last way on of a message, or a way back that somebody may still come by."""

from dataclasses import replace

import pytest

from proca_topo.plan.changes import Change, Delete, Retire, WaitsFor, action_of
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import DestinationType, Exchange
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

CONSUMED = Activity(consumers=1)


def verdicts(there: Existing, wanted: Desired) -> dict[str, str]:
    """What becomes of each object: the action, and the reason where it stays."""
    return {change.noun.name: _verdict(change) for change in make_plan(there, wanted, with_prune=True).changes}


def _verdict(change: Change) -> str:
    reason = change.reason if isinstance(change, Retire) else change.held_back
    return action_of(change) if reason is None else f"{action_of(change)}: {reason}"


BACK_BY_NAME = queue("wait", dead_letter_exchange="", dead_letter_routing_key="work", message_ttl=1)


@pytest.mark.parametrize("stays", ["because it waits to be replaced", "because it has a consumer", "theirs"])
def test_a_queue_that_a_remaining_one_dead_letters_to_by_its_name_stays(stays: str) -> None:
    letters = queue("work", dead_letter_exchange="", dead_letter_routing_key="wait")
    busy = stays == "because it has a consumer"
    there = existing(
        queues=(letters, BACK_BY_NAME), bindings=(SOURCE,), activity={"work": CONSUMED} if busy else {}
    )
    wanted = desired(
        queues=(WORK,) if stays == "because it waits to be replaced" else (),
        bindings=(),
        owns=("wait",) if stays == "theirs" else ("wait", "work", "in"),
    )
    assert verdicts(there, wanted)["wait"] == "retire: work still sends dead letters to it"


def test_both_ends_of_such_a_circuit_go_together_when_they_are_idle() -> None:
    letters = queue("work", dead_letter_exchange="", dead_letter_routing_key="wait")
    there = existing(queues=(letters, BACK_BY_NAME), bindings=())
    found = verdicts(there, desired(queues=(), bindings=(), exchanges=(IN, FAIL, RETURN)))
    assert found == {"work": "delete", "wait": "delete"}


def test_a_keyed_way_of_dead_letters_stays_though_others_of_the_exchange_are_wanted() -> None:
    """Each org has a waiting queue of its own behind one fail exchange; one org is gone, and still consumes."""
    ours = queue("acme.x", dead_letter_exchange="fail", dead_letter_routing_key="acme")
    theirs = queue("o.x", dead_letter_exchange="fail", dead_letter_routing_key="o")
    waits = [queue(name, dead_letter_exchange="", message_ttl=1) for name in ("acme.w", "o.w")]
    gone, kept = bind("fail", "acme", "acme.w"), bind("fail", "o", "o.w")
    there = existing(queues=(ours, theirs, *waits), bindings=(gone, kept), activity={"acme.x": CONSUMED})
    wanted = desired(queues=(theirs, waits[1]), bindings=(kept,), owns=("acme.*", "fail"))
    found = verdicts(there, replace(wanted, exchanges=there.exchanges))
    assert found[gone.name] == "retire: acme.x still sends dead letters this way"
    assert found["acme.w"] == "retire: acme.x still sends dead letters this way"


def test_dead_letters_that_go_through_two_exchanges_keep_the_whole_way() -> None:
    hop = Exchange(name="hop", type="topic")
    theirs = queue("theirs", dead_letter_exchange="fail")
    first, second = bind("fail", "#", "hop", DestinationType.EXCHANGE), bind("hop", "#", "wait")
    there = existing(exchanges=(FAIL, hop), queues=(theirs, WAIT), bindings=(first, second))
    found = verdicts(there, desired(exchanges=(), queues=(), bindings=(), owns=("fail", "hop", "wait")))
    assert {name: verdict.partition(":")[0] for name, verdict in found.items()} == {
        first.name: "retire", second.name: "retire", "wait": "retire", "fail": "retire", "hop": "retire",
    }  # fmt: skip


def test_what_an_exchange_that_stays_cannot_route_keeps_its_queue() -> None:
    lost = Exchange(name="lost", type="fanout")
    theirs = Exchange(name="theirs", type="topic", arguments=Arguments.of({"alternate-exchange": "lost"}))
    to_queue = bind("lost", "", "unrouted")
    there = existing(exchanges=(lost, theirs), queues=(queue("unrouted"),), bindings=(to_queue,))
    wanted = desired(exchanges=(), queues=(), bindings=(), owns=("lost", "unrouted"))
    assert verdicts(there, wanted) == {
        to_queue.name: "retire: theirs still sends what has no route this way",
        "unrouted": "retire: theirs still sends what has no route this way",
        "lost": f"retire: {to_queue.name} still needs it",
    }
    waits = {c.waits_for for c in make_plan(there, wanted, with_prune=True).changes if isinstance(c, Retire)}
    assert WaitsFor.ALTERNATE_ELSEWHERE in waits


def test_a_queue_that_only_looks_on_takes_nobodys_dead_letters_over() -> None:
    """Messages come back through the exchange that they were published to; an audit queue gets a copy of all."""
    back = queue("wait", dead_letter_exchange="in", message_ttl=1)
    audit = bind("in", "#", "audit")
    there = existing(
        queues=(WORK, back, queue("audit")),
        bindings=(SOURCE, FAIL_TO_WAIT, audit),
        activity={"wait": Activity(ready=5)},
    )
    wanted = desired(queues=(back, queue("audit")), bindings=(FAIL_TO_WAIT, audit))
    found = verdicts(there, wanted)
    assert found["work"] == "retire: 5 messages in wait may still come to it"
    assert found[SOURCE.name] == "retire: messages may still come to work by it"


def test_a_waiting_queue_that_nobody_could_count_is_not_taken_for_empty() -> None:
    """Its node is down; when it is back its messages expire, and come."""
    there = existing(activity={"wait": Activity(counted=False)})
    found = verdicts(there, desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,)))
    assert found["work"] == "retire: RabbitMQ has not counted what is in wait and may still come to it"
    stays = verdicts(there, desired(bindings=(SOURCE, FAIL_TO_WAIT)))
    assert stays[WAY_BACK.name].startswith("retire")


def test_a_binding_by_the_queues_name_that_others_publish_to_goes_before_the_queue() -> None:
    """Deleted together with the queue it would let a publish be confirmed and lost."""
    route = bind("in", "work", "work")
    back = queue("wait", dead_letter_exchange="in", message_ttl=1)
    there = existing(queues=(WORK, back), bindings=(route, FAIL_TO_WAIT))
    plan = make_plan(there, desired(queues=(back,), bindings=(FAIL_TO_WAIT,)), with_prune=True)
    [unbinding] = [change for change in plan.changes if change.noun == route]
    assert isinstance(unbinding, Delete)
    assert unbinding.along_with is None


def test_a_queue_with_an_ignored_binding_is_held_back_and_says_which() -> None:
    theirs = bind("in", "theirs", "work")
    there = existing(bindings=(*ALL_BINDINGS, theirs))
    found = verdicts(there, desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,), ignored=(theirs,)))
    assert found["work"] == (
        "delete: in -[theirs]-> work is ignored and still bound; have it unbound, or keep the queue"
    )
    assert found[SOURCE.name] == "delete"


def test_a_way_back_of_a_queue_that_has_left_its_circuit_may_go() -> None:
    """Its dead letters go nowhere any more, nothing waits, and the circuit stays for others."""
    plain = replace(WORK, arguments=Arguments.of({}))
    wanted = desired(queues=(plain, WAIT), bindings=(SOURCE, FAIL_TO_WAIT))
    found = verdicts(existing(queues=(plain, WAIT)), replace(wanted, waiting=frozenset({"wait"})))
    assert found == {WAY_BACK.name: "delete"}


def test_dead_letters_of_another_key_keep_nothing() -> None:
    letters = queue("theirs", dead_letter_exchange="dead", dead_letter_routing_key="sq")
    dead, to_dead = Exchange(name="dead", type="topic"), bind("dead", "acme.#", "acme.dead")
    there = existing(exchanges=(dead,), queues=(letters, queue("acme.dead")), bindings=(to_dead,))
    wanted = desired(exchanges=(dead,), queues=(), bindings=(), owns=("acme.*",))
    assert verdicts(there, wanted) == {to_dead.name: "delete", "acme.dead": "delete"}


def test_of_a_queue_that_is_wanted_as_it_is_the_spec_says_where_its_dead_letters_go() -> None:
    """One org's part of it goes with the org; otherwise none ever could."""
    shared = queue("shared", dead_letter_exchange="dead")
    dead = Exchange(name="dead", type="topic")
    ways = [bind("dead", f"{org}.#", f"{org}.dead") for org in ("acme", "beta")]
    there = existing(
        exchanges=(dead,), queues=(shared, queue("acme.dead"), queue("beta.dead")), bindings=tuple(ways)
    )
    wanted = desired(
        exchanges=(dead,),
        queues=(shared, queue("beta.dead")),
        bindings=(ways[1],),
        owns=("dead", "shared", ".*[.]dead"),
    )
    assert verdicts(there, wanted) == {ways[0].name: "delete", "acme.dead": "delete"}
    leaving = replace(wanted, queues={"beta.dead": queue("beta.dead")})
    busy = replace(there, activity={"shared": CONSUMED})
    assert verdicts(busy, leaving)[ways[0].name] == "retire: shared still sends dead letters this way"


def test_messages_that_come_back_through_another_exchange_keep_the_way_there() -> None:
    hop = Exchange(name="hop", type="topic")
    there_to, back = bind("return", "work", "hop", DestinationType.EXCHANGE), bind("hop", "#", "work")
    there = existing(
        exchanges=(IN, FAIL, RETURN, hop),
        bindings=(FAIL_TO_WAIT, there_to, back),
        activity={"wait": Activity(ready=5)},
    )
    found = verdicts(there, desired(queues=(WAIT,), bindings=(FAIL_TO_WAIT,), owns=("work", "hop")))
    assert {name: verdict.partition(":")[0] for name, verdict in found.items()} == {
        there_to.name: "retire", back.name: "retire", "work": "retire", "hop": "retire",
    }  # fmt: skip


def test_what_goes_leads_no_dead_letters_to_what_else_goes() -> None:
    """Two exchanges bound to each other: the plan is empty after one apply, not after two."""
    there_to = bind("fail", "", "return", DestinationType.EXCHANGE)
    back = bind("return", "#", "fail", DestinationType.EXCHANGE)
    there = existing(exchanges=(FAIL, RETURN), queues=(WORK,), bindings=(there_to, back))
    wanted = desired(exchanges=(), queues=(replace(WORK, arguments=Arguments.of({})),), bindings=())
    found = verdicts(there, wanted)
    assert (found[there_to.name], found[back.name]) == ("delete", "delete")
