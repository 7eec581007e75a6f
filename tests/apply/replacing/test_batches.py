"""Small queues are replaced at the same time, and no two of which one needs the other one to be there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proca_topo.apply.replacing.batches import Batches
from proca_topo.plan.changes import Replace
from proca_topo.plan.existing_index import ExistingIndex
from proca_topo.topology.exchange_holding import ReplacedExchange
from proca_topo.topology.existing import Activity
from proca_topo.topology.holding import Replaced
from proca_topo.topology.nouns import Binding, Exchange, Queue
from tests.plan.circuit_world import FAIL, IN, RETURN, bind, existing, queue

CIRCUIT = (bind("fail", "#", "wait"), bind("return", "work", "work"), bind("return", "job", "job"))
WAIT = queue("wait", dead_letter_exchange="return", message_ttl=1000)
WORK = queue("work", dead_letter_exchange="fail")
JOB = queue("job", dead_letter_exchange="fail")
PLAIN = queue("plain")
TO_WORK = queue("to work", dead_letter_exchange="", dead_letter_routing_key="work")
TO_ANY = queue("to any", dead_letter_exchange="")


def change(was: Queue, becomes: Queue | None = None) -> Replace:
    """A replacement, by a queue like it if there is no other."""
    wanted = was if becomes is None else becomes
    return Replace(noun=wanted, differences=(), replaced=Replaced(was=was, becomes=wanted.name))


def batches(
    *changes: Replace, bindings: tuple[Binding, ...] = CIRCUIT, activity: dict[str, Activity] | None = None
) -> list[list[str]]:
    there = tuple(one.replaced.was for one in changes if isinstance(one.replaced, Replaced))
    index = ExistingIndex(existing(queues=there, bindings=bindings, activity=activity))
    return [[one.noun.name for one in batch] for batch in Batches(index).of(changes)]


def test_a_circuits_waiting_queue_goes_before_the_queues_that_wait_there() -> None:
    assert batches(change(WAIT), change(JOB), change(PLAIN), change(WORK)) == [["wait"], ["job", "plain", "work"]]


def test_a_queue_that_dead_letters_to_anothers_name_is_not_replaced_at_the_same_time() -> None:
    """Nobody tells who sent it if it is lost."""
    assert batches(change(PLAIN), change(TO_WORK), change(WORK)) == [["plain", "to work"], ["work"]]
    assert batches(change(WORK), change(TO_WORK), change(PLAIN)) == [["work"], ["to work", "plain"]]


def test_one_that_does_by_the_keys_they_came_with_is_alone() -> None:
    assert batches(change(PLAIN), change(TO_ANY), change(JOB)) == [["plain"], ["to any"], ["job"]]


def test_so_is_one_that_will_by_what_it_becomes() -> None:
    becomes = queue("plain", dead_letter_exchange="", dead_letter_routing_key="work")
    assert batches(change(PLAIN, becomes), change(WORK)) == [["plain"], ["work"]]


def test_a_name_is_free_before_another_queue_gets_it() -> None:
    assert batches(change(PLAIN, queue("next")), change(WORK, queue("plain"))) == [["next"], ["plain"]]


@pytest.mark.parametrize(
    "busy", [Activity(ready=1001), Activity(ready=900, unacknowledged=101), Activity(counted=False)]
)
def test_one_that_has_much_to_move_is_alone(busy: Activity) -> None:
    """Also one of which nobody tells."""
    changes = (change(JOB), change(PLAIN), change(WORK))
    assert batches(*changes, activity={"plain": busy}) == [["job"], ["plain"], ["work"]]


def test_an_exchange_is_alone() -> None:
    """The bindings of many queues go with it."""
    was = Exchange(name="in", type="direct")
    exchange = Replace(noun=IN, differences=(), replaced=ReplacedExchange(was=was, becomes=IN))
    assert batches(change(JOB), exchange, change(WORK)) == [["job"], ["in"], ["work"]]


@given(st.permutations([WAIT, WORK, JOB, PLAIN, TO_WORK, TO_ANY]))
def test_the_order_stays(queues: list[Queue]) -> None:
    """And a queue is never together with one that its dead letters may come to."""
    index = ExistingIndex(existing(exchanges=(IN, FAIL, RETURN), queues=tuple(queues), bindings=CIRCUIT))
    made = list(Batches(index).of([change(one) for one in queues]))
    assert [one.noun for batch in made for one in batch] == queues
    reached = {"wait": {"work", "job"}, "work": {"wait"}, "job": {"wait"}, "to work": {"work"}}
    for batch in made:
        names = {one.noun.name for one in batch}
        assert all(names.isdisjoint(reached.get(name, ())) for name in names)
        assert names == {"to any"} or "to any" not in names
