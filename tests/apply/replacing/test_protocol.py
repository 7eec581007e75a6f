"""Whatever happens during a replacement, and wherever it is interrupted: no message is lost, and it is finished.

The protocol is run against a model of RabbitMQ, through every order in which single operations, kills, publishes
and what else others do can follow each other. Not in the model is what no order of steps can help: what happens
between the last look at a queue and its deletion, and a run that goes on after it has lost its lock.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

import pytest

from proca_topo.apply.replacing.steps import (
    NO_ROUTES,
    PROTOCOL,
    Route,
    Rule,
    Situation,
    Step,
    next_step,
    relied_on,
)
from proca_topo.topology.arguments import NO_ARGUMENTS
from tests.apply.replacing.atoms import ATOMS
from tests.apply.replacing.run import OLD, RENAMED, RETRIED, WORK, Spec
from tests.apply.replacing.search import Found, search
from tests.apply.replacing.world import Limits, advanced, events, lost, world, wrong_in_the_end

SAME_NAME: Final = Spec(WORK, "v2")
OTHER_NAME: Final = Spec(RENAMED, "v2")

SPECS: Final[dict[str, Sequence[Spec]]] = {
    "same name": [SAME_NAME],
    "other name": [OTHER_NAME],
    "then another definition": [SAME_NAME, Spec(WORK, "v3")],
    "then the old definition": [SAME_NAME, Spec(WORK, OLD)],
    "then another name": [SAME_NAME, OTHER_NAME],
    "other name, then another definition": [OTHER_NAME, Spec(RENAMED, "v3")],
    "other name, then the old one": [OTHER_NAME, SAME_NAME],
}
MEANWHILE: Final[dict[str, Limits]] = {
    "two arrive": Limits(arrivals=2),
    "a copy is left behind": Limits(arrivals=1, crashes_after_a_copy=1),
    "an application starts": Limits(arrivals=1, declares=1),
    "somebody binds": Limits(arrivals=1, further_routes=1),
    "somebody consumes": Limits(arrivals=1, consumed=2),
    "the broker is killed": Limits(arrivals=2, broker_kills=1),
}
# With a spec that does not change there is room for more at once.
MORE_MEANWHILE: Final[dict[str, Limits]] = {
    "three arrive": Limits(arrivals=3),
    "copies are left behind, and more arrives": Limits(arrivals=2, crashes_after_a_copy=2),
    "all at once": Limits(arrivals=1, crashes_after_a_copy=1, declares=1, further_routes=1),
    "two applications start": Limits(arrivals=1, declares=2),
    "copies are left behind and consumed": Limits(arrivals=1, crashes_after_a_copy=1, consumed=2),
    "the broker is killed twice": Limits(arrivals=1, crashes_after_a_copy=1, broker_kills=2),
}
RETRIED_OTHER_NAME: Final = Spec(RENAMED, "v2" + RETRIED)
RETRIED_SPECS: Final[dict[str, Sequence[Spec]]] = {
    "retried": [Spec(WORK, "v2" + RETRIED)],
    "other name, retried": [RETRIED_OTHER_NAME],
    "then retried": [SAME_NAME, Spec(WORK, "v3" + RETRIED)],
    "then another name, retried": [SAME_NAME, RETRIED_OTHER_NAME],
    "retried, then another name": [Spec(WORK, "v2" + RETRIED), RETRIED_OTHER_NAME],
    "other name, retried, then the old one": [RETRIED_OTHER_NAME, Spec(WORK, "v3" + RETRIED)],
    "other name, then retried": [OTHER_NAME, Spec(RENAMED, "v3" + RETRIED)],
}
REJECTED_MEANWHILE: Final[dict[str, Limits]] = {
    "one arrives and one is rejected": Limits(arrivals=1, rejected=1),
    "one is rejected and left behind": Limits(rejected=1, crashes_after_a_copy=1),
    "one is rejected, and the broker is killed": Limits(rejected=1, broker_kills=1),
}
MORE_REJECTED_MEANWHILE: Final[dict[str, Limits]] = {
    "two are rejected": Limits(arrivals=1, rejected=2),
    "one is rejected, and an application starts": Limits(rejected=1, declares=1),
}
CASES: Final = [
    pytest.param(specs, limits, id=f"{spec_name}: {name}")
    for spec_name, specs in SPECS.items()
    for name, limits in (MEANWHILE | (MORE_MEANWHILE if len(specs) == 1 else {})).items()
] + [
    pytest.param(specs, limits, id=f"{spec_name}: {name}")
    for spec_name, specs in RETRIED_SPECS.items()
    for name, limits in (REJECTED_MEANWHILE | (MORE_REJECTED_MEANWHILE if len(specs) == 1 else {})).items()
]

HARMLESS: Final[dict[str, str]] = {
    "DECLARE_ARRIVING before DECLARE_PARKED": "neither needs the other, and all that needs them comes later",
    "BIND_WANTED before MARK_OLD_GONE": "the new queue is declared after both",
    "DELETE_PARKED_EXCHANGE before CLOSE_WAY_BACK": "nothing is moved any more, and the note is still there",
    "without CLOSE_WAY_BACK": "RabbitMQ deletes the bindings of the note along with it",
}
"""Changes of the protocol that cost nothing, each with the reason."""


def changed_protocols() -> Iterator[tuple[str, Sequence[Rule]]]:
    """Every two neighbours the other way round, and each rule left out."""
    for at, (first, second) in enumerate(pairwise(PROTOCOL)):
        swapped = [*PROTOCOL[:at], second, first, *PROTOCOL[at + 2 :]]
        yield f"{second.step.name} before {first.step.name}", swapped
    for at, rule in enumerate(PROTOCOL):
        yield f"without {rule.step.name}", [*PROTOCOL[:at], *PROTOCOL[at + 1 :]]


def told(found: Found) -> str:
    """What is wrong, and the way that leads there."""
    return "\n".join((f"{found.wrong} after", *found.way))


def test_the_model_has_every_step_and_the_protocol_has_each_once() -> None:
    assert set(ATOMS) == set(Step)
    assert sorted(rule.step for rule in PROTOCOL) == sorted(Step)


@pytest.mark.parametrize(("specs", "limits"), CASES)
def test_whatever_happens_nothing_is_lost_and_the_next_run_finishes(specs: Sequence[Spec], limits: Limits) -> None:
    """What waited comes out first and in order; nothing of ours is left, and every route leads to the queue."""
    found = search(world(specs, limits), PROTOCOL)
    assert found.wrong is None, told(found)


@pytest.mark.parametrize(
    ("name", "protocol"), [pytest.param(name, rules, id=name) for name, rules in changed_protocols()]
)
def test_the_order_of_the_rules_is_needed(name: str, protocol: Sequence[Rule]) -> None:
    """Another order loses, overtakes, leaves something or never ends, unless there is a reason why it does not."""
    found = [
        search(world([spec], limits), protocol)
        for limits in (Limits(arrivals=2), Limits(arrivals=1, crashes_after_a_copy=1, declares=1))
        for spec in (SAME_NAME, OTHER_NAME)
        if name in HARMLESS or limits.arrivals > 1
    ]
    retried = RETRIED_SPECS["other name, retried, then the old one"]
    found.append(search(world(retried, Limits(rejected=1)), protocol))
    harmful = [one for one in found if one.wrong is not None]
    assert bool(harmful) is (name not in HARMLESS), "\n\n".join(map(told, harmful))


@pytest.mark.parametrize("at", [at for at, rule in enumerate(PROTOCOL) if rule.relies_on is not None])
def test_a_queue_is_not_relied_on_while_it_is_young(at: int) -> None:
    """Where a step does not wait for the queue that it relies on, a killed broker loses messages."""
    careless = [*PROTOCOL[:at], replace(PROTOCOL[at], relies_on=None), *PROTOCOL[at + 1 :]]
    limits = Limits(arrivals=2, broker_kills=1)
    found = search(world([SAME_NAME], limits), careless)
    assert (found.wrong or "").startswith("lost"), PROTOCOL[at].step


@pytest.mark.parametrize("marked", [False, True], ids=["draining", "filling"])
def test_nothing_is_waited_for_while_messages_come_to_two_queues(*, marked: bool) -> None:
    """What is published while both are bound comes twice, so the next step unbinds one at once."""
    routes = frozenset({Route(source="in", routing_key="#", arguments=NO_ARGUMENTS)})
    both = Situation(
        old=not marked,
        new=marked,
        parked=not marked,
        parked_exchange=not marked,
        parked_is_bound=not marked,
        arriving=True,
        marked=marked,
        way_back=marked,
        to_old=NO_ROUTES if marked else routes,
        to_arriving=routes,
        to_new=routes if marked else NO_ROUTES,
    )
    step = next_step(both)
    assert step is (Step.UNBIND_ARRIVING if marked else Step.UNBIND_OLD)
    assert relied_on(step) is None


def test_what_is_listed_as_harmless_is_a_change_that_can_be_made() -> None:
    assert set(HARMLESS) <= {name for name, _ in changed_protocols()}


@pytest.mark.parametrize("seed", range(60))
def test_the_same_with_many_messages_and_many_interruptions(seed: int) -> None:
    """Some of the ways that are too long to try them all."""
    dice = random.Random(seed)
    limits = Limits(arrivals=20, crashes_after_a_copy=10, declares=3, further_routes=1, consumed=6)
    now = world(dice.choice(list(SPECS.values())), limits, waiting=dice.randint(0, 8))
    way: list[str] = []
    for _ in range(5000):
        name, after = "the run goes on", advanced(now, PROTOCOL)
        if dice.random() < dice.choice((0.02, 0.1, 0.3)) and len(way) < 600:
            name, after = dice.choice(list(events(now)) or [(name, after)])
        if after is None:
            break
        way.append(name if name != "the run goes on" else str(now.run.atoms[:1]))
        now = after
        assert not lost(now), (lost(now), way)
    assert advanced(now, PROTOCOL) is None, way
    assert wrong_in_the_end(now) is None, (wrong_in_the_end(now), way)
