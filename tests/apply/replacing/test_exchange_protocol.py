"""Wherever the replacement of an exchange is interrupted: no message is lost, and the next run finishes it.

What replaces exchanges is run against a model of RabbitMQ, killed after every single operation, again and again.
Not in the model is what no order of steps can help: a binding made between the last look and the deletion.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import pytest

from proca_topo.apply.replacing.exchange_steps import EXCHANGE_PROTOCOL, ExchangeRule, ExchangeStep
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy
from tests.apply.replacing.exchange_search import NAME, Story, search
from tests.apply.replacing.exchange_vhost import Message, Vhost

FIRST: Final = Message("k", 1)
SECOND: Final = Message("j", 2)
UNROUTABLE: Final = Message("z", 3)


def to(source: str, destination: str, key: str = "", number: int | None = None, *, queue: bool = True) -> Binding:
    return Binding(
        source=source,
        destination=destination,
        destination_type=DestinationType.QUEUE if queue else DestinationType.EXCHANGE,
        routing_key=key,
        arguments=Arguments.of({"n": number} if number is not None else {}),
    )


# The same messages match by key and by header.
BINDINGS: Final = frozenset(
    {
        to(NAME, "one", "k", 1),
        to(NAME, "further", "k", 1, queue=False),
        to(NAME, "two", "j", 2),
        to("further", "two"),
        to("before", NAME, "#", queue=False),
        to("unrouted", "rest"),
    }
)


def typed(kind: str, **arguments: Any) -> Exchange:
    named = {name.replace("_", "-"): value for name, value in arguments.items()}
    return Exchange(name=NAME, type=kind, arguments=Arguments.of(named))


def story(was: Exchange, *specs: Exchange | None, policy: bool = False, rest: bool = False) -> Story:
    """`rest` is whether what cannot be routed has a queue throughout."""
    others = {
        Exchange(name="before", type="topic"),
        Exchange(name="further", type="fanout"),
        Exchange(name="unrouted", type="fanout"),
    }
    unrouted = Policy(
        name="unrouted",
        pattern=f"^{NAME}$",
        apply_to="exchanges",
        priority=5,
        definition=Arguments.of({"alternate-exchange": "unrouted"}),
    )
    return Story(
        start=Vhost(
            exchanges=frozenset({was, *others}),
            bindings=BINDINGS,
            policies=frozenset({unrouted} if policy else ()),
        ),
        specs=specs,
        expected={
            FIRST: frozenset({"one", "two"}),
            SECOND: frozenset({"two"}),
            **({UNROUTABLE: frozenset({"rest"})} if rest else {}),
        },
        ends=(NAME, "before"),
        bindings=BINDINGS,
    )


TOPIC: Final = typed("topic")
DIRECT: Final = typed("direct")
BY_ARGUMENT: Final = {"alternate_exchange": "unrouted"}

STORIES: Final = {
    "to direct": story(TOPIC, DIRECT),
    "to topic": story(DIRECT, TOPIC),
    "to fanout": story(TOPIC, typed("fanout")),
    "to headers": story(TOPIC, typed("headers")),
    "from headers": story(typed("headers"), DIRECT),
    "an argument": story(TOPIC, typed("topic", x_some="thing")),
    "with an alternate by policy": story(TOPIC, DIRECT, policy=True, rest=True),
    "with an alternate by argument": story(
        typed("topic", **BY_ARGUMENT), typed("direct", **BY_ARGUMENT), rest=True
    ),
    "an alternate comes": story(TOPIC, typed("topic", **BY_ARGUMENT)),
    "an alternate goes": story(typed("direct", **BY_ARGUMENT), DIRECT),
    "an alternate goes to a policy": story(typed("direct", **BY_ARGUMENT), DIRECT, policy=True, rest=True),
    "then as it was": story(TOPIC, DIRECT, TOPIC),
    "then another": story(TOPIC, DIRECT, typed("headers")),
    "then none": story(TOPIC, DIRECT, None),
    "any of these": story(typed("topic", **BY_ARGUMENT), DIRECT, typed("topic", **BY_ARGUMENT), TOPIC, None),
}


@pytest.mark.parametrize("name", STORIES)
def test_wherever_it_is_killed_nothing_is_lost_and_the_next_run_finishes(name: str) -> None:
    """As often as it is killed, and whatever the spec says by then; also if a client makes the exchange again."""
    found = search(STORIES[name])
    assert found.wrong is None


SHORT: Final = (
    "with an alternate by argument",
    "with an alternate by policy",
    "an alternate goes to a policy",
    "to fanout",
)
"""Stories that are searched soon, for every change of the protocol."""

_DOUBLING: Final = "all that leads to it and from it is doubled before the swap, in whatever order"
_CLEARING: Final = "by then the exchange has everything itself"

HARMLESS: Final[dict[str, str]] = {
    "COPY_OUTGOING before DECLARE_SHADOW": "a run that begins declares the shadow before it asks for a step",
    "without DECLARE_SHADOW": "a run that begins declares the shadow before it asks for a step",
    "COPY_INCOMING before COPY_OUTGOING": _DOUBLING,
    "SET_CATCHING before COPY_INCOMING": _DOUBLING,
    "BIND_ALTERNATES before SET_CATCHING": _DOUBLING,
    "DECLARE before SWAP": "the one is for an exchange that is there, the other for one that is not",
    "RESTORE_OUTGOING before UNBIND_ALTERNATES": "only what others send to the alternate is passed on for longer",
    "without UNBIND_ALTERNATES": "RabbitMQ deletes the bindings to the shadow along with it, only later",
    "RESTORE_INCOMING before RESTORE_OUTGOING": "what comes by a binding comes to the shadow too",
    "UNBIND_CATCH before RESTORE_INCOMING": _CLEARING,
    "UNBIND_SHADOW before UNBIND_CATCH": _CLEARING,
    "UNSET_CATCHING before UNBIND_SHADOW": _CLEARING,
    "EMPTY_SHADOW before UNSET_CATCHING": _CLEARING,
    "without UNBIND_CATCH": "RabbitMQ deletes the bindings to the shadow along with it",
    "without UNBIND_SHADOW": "RabbitMQ deletes the bindings to the shadow along with it",
}
"""Changes of the protocol that cost nothing, each with the reason."""


def changed_protocols() -> Iterator[tuple[str, Sequence[ExchangeRule]]]:
    """Every two neighbours the other way round, and each rule left out."""
    rules = EXCHANGE_PROTOCOL
    for at, (first, second) in enumerate(pairwise(rules)):
        yield f"{second.step.name} before {first.step.name}", [*rules[:at], second, first, *rules[at + 2 :]]
    for at, rule in enumerate(rules):
        yield f"without {rule.step.name}", [*rules[:at], *rules[at + 1 :]]


@pytest.mark.parametrize(
    ("name", "protocol"), [pytest.param(name, rules, id=name) for name, rules in changed_protocols()]
)
def test_the_order_of_the_rules_is_needed(name: str, protocol: Sequence[ExchangeRule]) -> None:
    """Another order loses, leaves something or never ends, unless there is a reason why it does not."""
    found = (search(STORIES[story], protocol).wrong for story in SHORT)
    wrong = next((one for one in found if one is not None), None)
    assert (wrong is not None) is (name not in HARMLESS), wrong


@pytest.mark.parametrize(
    ("step", "other"),
    [
        (ExchangeStep.SWAP, ExchangeStep.COPY_OUTGOING),
        (ExchangeStep.SWAP, ExchangeStep.COPY_INCOMING),
        (ExchangeStep.SWAP, ExchangeStep.SET_CATCHING),
        (ExchangeStep.RESTORE_OUTGOING, ExchangeStep.BIND_CATCH),
        (ExchangeStep.UNBIND_CATCH, ExchangeStep.RESTORE_OUTGOING),
        (ExchangeStep.UNBIND_SHADOW, ExchangeStep.RESTORE_INCOMING),
        (ExchangeStep.UNSET_CATCHING, ExchangeStep.BIND_CATCH),
        (ExchangeStep.EMPTY_SHADOW, ExchangeStep.RESTORE_OUTGOING),
    ],
)
def test_what_comes_too_early_loses(step: ExchangeStep, other: ExchangeStep) -> None:
    """A step before one that is not next to it."""
    early = next(rule for rule in EXCHANGE_PROTOCOL if rule.step is step)
    protocol: list[ExchangeRule] = []
    for rule in EXCHANGE_PROTOCOL:
        protocol += [early] if rule.step is other else []
        protocol += [rule] if rule is not early else []
    assert any(search(STORIES[name], protocol).wrong is not None for name in SHORT)


def test_what_is_listed_as_harmless_is_a_change_that_can_be_made() -> None:
    assert set(HARMLESS) <= {name for name, _ in changed_protocols()}


def test_the_protocol_has_every_step_once() -> None:
    assert sorted(rule.step for rule in EXCHANGE_PROTOCOL) == sorted(ExchangeStep)
