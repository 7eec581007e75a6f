"""What stands in the way of replacing an exchange is told by the plan, with the object and the remedy."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from proca_topo.plan.changes import Replace, Replacing
from proca_topo.plan.planner import make_plan
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.exchange_holding import ExchangeHolding, ReplacedExchange
from proca_topo.topology.existing import Activity, Existing
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from tests.plan.circuit_world import desired, existing

WAS = Exchange(name="in", type="topic")
WANTED = replace(WAS, type="direct")
QUEUE = Queue(name="work", type="classic")
BINDING = Binding(source="in", destination="work", routing_key="a.b")


def arguments(**values: Any) -> Arguments:
    return Arguments.of({name.replace("_", "-"): value for name, value in values.items()})


def world(was: Exchange = WAS, *others: Exchange, bindings: tuple[Binding, ...] = (BINDING,)) -> Existing:
    return existing(exchanges=(was, *others), queues=(QUEUE,), bindings=bindings)


def change(there: Existing, wanted: Exchange = WANTED, *, how: Replacing = Replacing.IDLE) -> Replace:
    plan = make_plan(
        there,
        desired(exchanges=(wanted,), queues=(QUEUE,), bindings=(BINDING,), owns=("in", "work")),
        replacing=how,
    )
    [found] = [change for change in plan.changes if isinstance(change, Replace)]
    return found


def test_it_needs_the_flag_and_the_lock() -> None:
    assert change(world()).held_back is None
    finishing = change(world(), how=Replacing.FINISHING).held_back
    assert finishing == "it needs --replace, which declares a new one and gives it all bindings of the old"
    forbidden = change(world(), how=Replacing.FORBIDDEN).held_back
    assert forbidden == "replacing it needs the lock that --no-lock does without: leave that out"


EXCHANGE = DestinationType.EXCHANGE
UNROUTED = Exchange(name="unrouted", type="fanout")
BY_ARGUMENT = replace(WANTED, arguments=arguments(alternate_exchange="unrouted"))


def letters(there: Existing) -> Existing:
    dead = replace(QUEUE, name="dead", arguments=arguments(x_dead_letter_exchange="in"))
    return replace(there, queues={**there.queues, "dead": dead})


@pytest.mark.parametrize(
    ("make", "wanted", "reason"),
    [
        (lambda: world(replace(WAS, auto_delete=True)), WANTED, "an auto-delete exchange goes with"),
        (world, replace(WANTED, type="x-some"), "an exchange of the type x-some pass on everything"),
        (
            lambda: world(bindings=(BINDING, replace(BINDING, destination="in", destination_type=EXCHANGE))),
            WANTED,
            "it is bound to itself",
        ),
        (
            lambda: replace(
                world(bindings=(BINDING, replace(BINDING, destination="own"))), exclusive=frozenset({"own"})
            ),
            WANTED,
            "the queue own, which is bound to it, is one connection's own",
        ),
        (
            lambda: world(bindings=(BINDING, replace(BINDING, arguments=arguments(x_match="all", n="undefined")))),
            WANTED,
            "its binding in -[a.b]-> work cannot be made anew: RabbitMQ shows an argument that has no value as",
        ),
        (world, replace(WANTED, type="headers"), "a binding without arguments, as in -[a.b]-> work"),
        (world, BY_ARGUMENT, "its alternate exchange unrouted, set by argument"),
        (
            lambda: world(WAS, UNROUTED, replace(BY_ARGUMENT, name="other")),
            BY_ARGUMENT,
            "has messages from other too",
        ),
        (
            lambda: world(WAS, replace(UNROUTED, arguments=arguments(alternate_exchange="in"))),
            WANTED,
            "it is the alternate exchange of unrouted",
        ),
        (
            lambda: replace(letters(world()), activity={"dead": Activity(ready=2, consumers=0)}),
            WANTED,
            "dead letters of dead, which has 2 messages in it, would be lost",
        ),
        (
            lambda: replace(letters(world()), activity={"dead": Activity(consumers=1)}),
            WANTED,
            "dead letters of dead, which has consumers on it, would be lost",
        ),
        (
            lambda: replace(
                letters(world()),
                broker=replace(world().broker, version="4.3.6"),
                activity={"dead": Activity(counted=False)},
            ),
            WANTED,
            "dead letters of dead, which has messages in it that cannot be counted, would be lost",
        ),
        (
            lambda: replace(world(), activity={"work": Activity(counted=False)}),
            WANTED,
            "the queue work is on a node that is down, and RabbitMQ 3.10.8 does not tell whether it is bound",
        ),
        (
            lambda: replace(
                world(),
                policies={
                    name: Policy(name=name, pattern="^in$", definition=arguments(alternate_exchange="a"))
                    for name in ("one", "other")
                },
            ),
            WANTED,
            "it cannot be told which policy is in force on it",
        ),
    ],
)
def test_what_stands_in_the_way(make: Callable[[], Existing], wanted: Exchange, reason: str) -> None:
    held_back = change(make(), wanted).held_back
    assert held_back is not None
    assert reason in held_back


def test_an_idle_queue_may_dead_letter_to_it_and_the_plan_says_what_that_can_cost() -> None:
    found = change(replace(letters(world()), activity={"dead": Activity(consumers=0)}))
    assert found.held_back is None
    assert any("it is only replaced while dead are empty" in hazard.message for hazard in found.hazards)


@pytest.mark.parametrize(
    ("there", "wanted", "target"),
    [
        (WAS, WANTED, WANTED),
        (None, WANTED, WANTED),
        (WAS, WAS, WAS),
        (WANTED, WAS, WANTED),
        (None, WAS, WAS),
        (None, None, WAS),
        (WANTED, None, WANTED),
        (None, replace(WAS, type="fanout"), WANTED),
    ],
)
def test_what_an_exchange_becomes_when_the_spec_changes_meanwhile(
    there: Exchange | None, wanted: Exchange | None, target: Exchange
) -> None:
    assert ReplacedExchange(was=WAS, becomes=WANTED).target(there, wanted) == target


def test_names_that_are_too_long_for_a_prefix_stay_apart() -> None:
    one, other = ExchangeHolding.of("e" * 255), ExchangeHolding.of("e" * 254 + "f")
    assert one.shadow != other.shadow
    assert max(len(name) for name in (one.shadow, one.catching, one.trial)) <= 255
