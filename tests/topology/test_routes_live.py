"""Messages get where we say, on a real broker: random keys and headers through random bindings."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.definitions import definition
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes
from proca_topo.topology.routing.topics import ANY_WORDS, words_of
from tests.live import Live
from tests.topology.publishing import Published, queues_reached
from tests.topology.world import World

pytestmark = pytest.mark.broker

QUEUES: Final = 8

examples = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
    ],
)

# Few words, so that patterns and keys meet; empty ones, wildcards as words of a key, and odd ones besides.
WORDS: Final = [
    *("a", "b", "", "*", "#") * 4,
    "A",
    "ab",
    "a*",
    "##",
    "ключ",
    "\U0001f600",
    " ",
    "\t",
    "\0",
    "/",
    "~",
]
short_keys = st.one_of(*[st.lists(st.sampled_from(WORDS), max_size=size).map(".".join) for size in (2, 4, 6, 8)])
# RabbitMQ 4.3 takes two `#` at most.
short_patterns = short_keys.filter(lambda key: words_of(key).count(ANY_WORDS) <= 2)
odd_keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
LONG: Final = [".".join("a" * 128), "." * 255, "a" * 255, "é" * 127]
LONG_PATTERNS: Final = [*LONG, ".".join("*" * 128), ".".join(["#", *"a" * 127]), ".".join([*"a" * 127, "#"])]
# No long keys of wildcards: RabbitMQ takes `*` in a key both for a word and for what matches any, and tries all
# ways to read it, which for 30 of them takes it for ever.
patterns_and_keys = st.sampled_from(
    [
        (short_patterns, short_keys),
        (short_patterns | odd_keys, odd_keys),
        (st.sampled_from(LONG_PATTERNS) | short_patterns, st.sampled_from(LONG)),
    ]
)


# RabbitMQ up to 3.x takes 1.0 for 1, and 4.x does not: no whole floats.
VALUES: Final = ["1", "", "true", 1, 0, -1, 2**40, True, False]


def tables(*more: object) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(
        st.sampled_from(["a", "b", "x-a", "", "A"]), st.sampled_from([*VALUES, *more]), max_size=4
    )


headers = tables(1.5, None)
match_by = st.sampled_from([{}, *({"x-match": way} for way in ("all", "any", "all-with-x", "any-with-x"))])
# What a binding asks for comes with JSON, which has no void, or with pika, which has no floats.
wanted_headers = st.builds(lambda by, table: {**by, **table}, match_by, tables(1.5) | tables(None))


def bindable(table: dict[str, Any]) -> dict[str, Any]:
    """What of a message's headers can be asked for in one binding."""
    return {name: value for name, value in table.items() if value != 1.5} if None in table.values() else table


@dataclass(frozen=True, kw_only=True)
class BusyWorld(World):
    """A topology, and what is published in it."""

    published: Sequence[Published]


@st.composite
def topic_worlds(draw: st.DrawFn) -> BusyWorld:
    """One topic exchange, a queue for each pattern."""
    patterns, keys = draw(patterns_and_keys)
    wanted = draw(st.lists(patterns, min_size=6, max_size=40, unique=True))
    published = draw(st.lists(keys, min_size=40, max_size=60))
    return _one_exchange(
        "topic",
        [Binding(source="e", destination=f"q{number}", routing_key=key) for number, key in enumerate(wanted)],
        [Message(routing_key=key) for key in published],
    )


@st.composite
def headers_worlds(draw: st.DrawFn) -> BusyWorld:
    """One headers exchange, a queue for each binding."""
    wanted = draw(st.lists(wanted_headers, min_size=25, max_size=40))
    published = draw(st.lists(headers, min_size=40, max_size=60))
    return _one_exchange(
        "headers",
        [
            Binding(source="e", destination=f"q{number}", arguments=Arguments.of(table))
            for number, table in enumerate(wanted)
        ],
        [Message(routing_key="", headers=table) for table in published],
    )


@st.composite
def worlds(draw: st.DrawFn) -> BusyWorld:
    """Exchanges of all types, bound to queues and to each other, with alternates by argument and by policy."""
    names = [f"e{number}" for number in range(draw(st.integers(3, 6)))]
    anywhere = st.sampled_from([*names, "missing"])
    alternates = st.none() | anywhere
    exchanges = {
        name: Exchange(
            name=name,
            type=draw(st.sampled_from(["topic", "topic", "direct", "fanout", "headers"])),
            arguments=Arguments.of({"alternate-exchange": to} if (to := draw(alternates)) is not None else {}),
        )
        for name in names
    }
    queues = {name: Queue(name=name, type="classic") for name in (f"q{number}" for number in range(QUEUES))}
    ends = [(name, DestinationType.QUEUE) for name in queues] + [
        (name, DestinationType.EXCHANGE) for name in names
    ]
    some_keys = draw(st.lists(short_patterns, min_size=8, max_size=12))
    some_headers = draw(st.lists(headers, min_size=2, max_size=4))
    bindings = st.builds(
        lambda source, to, key, table: Binding(
            source=source,
            destination=to[0],
            destination_type=to[1],
            routing_key=key,
            arguments=Arguments.of(table if exchanges[source].type == "headers" else {}),
        ),
        st.sampled_from(names),
        st.sampled_from(ends),
        st.sampled_from(some_keys),
        st.sampled_from(some_headers).map(bindable) | wanted_headers,
    )
    policies = {
        name: Policy(
            name=name,
            pattern=f"^{name}$",
            apply_to="exchanges",
            definition=Arguments.of({"alternate-exchange": draw(anywhere)}),
        )
        for name in draw(st.sets(st.sampled_from(names), max_size=3))
    }
    return BusyWorld(
        exchanges=exchanges,
        queues=queues,
        bindings=frozenset(draw(st.lists(bindings, min_size=12, max_size=30))),
        policies=policies,
        published=[
            (name, Message(routing_key=key, headers=table))
            for name in names
            for key in some_keys
            for table in some_headers
        ],
    )


def _one_exchange(exchange_type: str, bindings: Sequence[Binding], messages: Iterable[Message]) -> BusyWorld:
    return BusyWorld(
        exchanges={"e": Exchange(name="e", type=exchange_type)},
        queues={one.destination: Queue(name=one.destination, type="classic") for one in bindings},
        bindings=frozenset(bindings),
        published=[("e", message) for message in messages],
    )


@contextmanager
def on_broker(live: Live, world: BusyWorld) -> Iterator[None]:
    """The world, as long as the block takes."""
    # RabbitMQ refuses null in JSON.
    with_void = {one for one in world.bindings if None in one.arguments.to_dict().values()}
    nouns: dict[str, Iterable[Exchange | Queue | Binding | Policy]] = {
        "exchanges": world.exchanges.values(),
        "queues": world.queues.values(),
        "bindings": world.bindings - with_void,
        "policies": world.policies.values(),
    }
    with live.channel() as channel:
        try:
            live.load({section: [definition(noun) for noun in some] for section, some in nouns.items()})
            for one in with_void:
                bind = (
                    channel.queue_bind if one.destination_type is DestinationType.QUEUE else channel.exchange_bind
                )
                bind(one.destination, one.source, one.routing_key, one.arguments.to_dict())
            yield
        finally:
            for name in world.queues:
                channel.queue_delete(name)
            for name in world.exchanges:
                channel.exchange_delete(name)
            for name in world.policies:
                live.http.delete(f"/api/policies/{live.path}/{name}").raise_for_status()


def assert_reached_as_told(live: Live, world: BusyWorld) -> None:
    routes = Routes(world)
    told = [set(routes.reached(exchange, message).queues) for exchange, message in world.published]
    with on_broker(live, world), live.channel(confirms=False) as channel:
        seen = queues_reached(channel, world.published, world.queues)
    differences = [case for case in zip(world.published, told, seen, strict=True) if case[1] != case[2]]
    assert differences == []


@examples
@given(world=topic_worlds())
def test_topic_exchanges(live: Live, world: BusyWorld) -> None:
    """Empty words, wildcards as words of a key, long keys and any character."""
    assert_reached_as_told(live, world)


@examples
@given(world=headers_worlds())
def test_headers_exchanges(live: Live, world: BusyWorld) -> None:
    """All, any, and both with names that begin with `x-`; values of all types."""
    assert_reached_as_told(live, world)


@examples
@given(world=worlds())
def test_exchanges_of_all_types_bound_to_each_other(live: Live, world: BusyWorld) -> None:
    """In circles too, and with alternates by argument and by policy, some of which are not there."""
    assert_reached_as_told(live, world)
