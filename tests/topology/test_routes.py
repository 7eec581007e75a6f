"""The queues that a message reaches, whatever is in between."""

import pytest

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Hop, Reached, Routes
from tests.topology.world import World


def world(exchanges: str, bindings: str, *policies: Policy, **alternates: str) -> World:
    """A topology in one line each: `topic a`, `a -[x.*]-> q`, `a -[x.*]-> (b)`."""
    made = [line.split() for line in exchanges.split(",")]
    bound = [_binding(text) for text in bindings.split(",") if text.strip()]
    return World(
        exchanges={
            name: Exchange(
                name=name,
                type=type_,
                arguments=Arguments.of({"alternate-exchange": alternates[name]} if name in alternates else {}),
            )
            for type_, name in made
        },
        queues={
            binding.destination: Queue(name=binding.destination, type="classic")
            for binding in bound
            if binding.destination_type is DestinationType.QUEUE
        },
        bindings=frozenset(bound),
        policies={policy.name: policy for policy in policies},
    )


def _binding(text: str) -> Binding:
    source, _, rest = text.strip().partition(" -[")
    key, _, destination = rest.partition("]-> ")
    to = DestinationType.EXCHANGE if destination.startswith("(") else DestinationType.QUEUE
    return Binding(source=source, destination=destination.strip("()"), destination_type=to, routing_key=key)


@pytest.mark.parametrize(
    ("topology", "key", "expected"),
    [
        pytest.param(world("topic a", "a -[x.*]-> q, a -[#]-> all"), "x.y", {"q", "all"}, id="topic"),
        pytest.param(world("direct a", "a -[x.*]-> q, a -[x.y]-> r"), "x.y", {"r"}, id="direct"),
        pytest.param(world("fanout a", "a -[x]-> q, a -[y]-> r"), "z", {"q", "r"}, id="fanout"),
        pytest.param(world("topic a, fanout b", "a -[x]-> (b), b -[]-> q"), "x", {"q"}, id="through an exchange"),
        pytest.param(world("fanout a, fanout b", "a -[]-> (b), b -[]-> (a), b -[]-> q"), "", {"q"}, id="a ring"),
        pytest.param(world("topic a, fanout b", "a -[x]-> q, b -[]-> r", a="b"), "y", {"r"}, id="alternate"),
        pytest.param(world("topic a, fanout b", "a -[x]-> q, b -[]-> r", a="b"), "x", {"q"}, id="no need of it"),
        pytest.param(
            world("topic a, topic b, fanout c", "a -[#]-> (b), b -[x]-> q, c -[]-> r", b="c"),
            "y",
            {"r"},
            id="the alternate of an exchange on the way",
        ),
        pytest.param(
            world("topic a, topic b, fanout c", "a -[#]-> (b), b -[x]-> q, c -[]-> r", a="c"),
            "y",
            set(),
            id="no alternate where the way ends further on",
        ),
        pytest.param(world("topic a", "a -[x]-> q", a="missing"), "y", set(), id="an alternate that is missing"),
    ],
)
def test_a_message_reaches(topology: World, key: str, expected: set[str]) -> None:
    assert Routes(topology).reached("a", Message(routing_key=key)).queues == expected


def test_the_default_exchange_leads_to_the_queue_of_that_name() -> None:
    routes = Routes(world("topic a", "a -[x]-> q"))
    assert routes.reached("", Message(routing_key="q")) == Reached(queues=frozenset({"q"}))
    assert routes.reached("", Message(routing_key="x")) == Reached()


def test_an_alternate_by_policy_and_an_argument_that_wins_over_it() -> None:
    policy = Policy(name="p", pattern="^a$", definition=Arguments.of({"alternate-exchange": "c"}))
    exchanges, bindings = "topic a, fanout b, fanout c", "b -[]-> by-argument, c -[]-> by-policy"
    message = Message(routing_key="x")
    assert Routes(world(exchanges, bindings, policy)).reached("a", message).queues == {"by-policy"}
    assert Routes(world(exchanges, bindings, policy, a="b")).reached("a", message).queues == {"by-argument"}


def test_a_plugins_type_is_said_to_be_unknown() -> None:
    routes = Routes(world("topic a, x-random b", "a -[#]-> (b), b -[]-> q"))
    assert routes.reached("a", Message(routing_key="x")) == Reached(unknown=frozenset({"b"}))
    assert routes.hop("b", Message(routing_key="x")) == Hop(exchange="b", unknown_type="x-random")


def test_an_exchange_that_is_not_there_is_said_to_be_missing() -> None:
    assert Routes(world("topic a", "")).hop("b", Message(routing_key="x")).missing


@pytest.mark.parametrize(
    ("wanted", "headers", "expected"),
    [
        ({}, {}, True),
        ({"x-match": "any"}, {"a": "1"}, False),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "2", "c": "3"}, True),
        ({"a": "1", "b": "2"}, {"a": "1"}, False),
        ({"x-match": "any", "a": "1", "b": "2"}, {"b": "2"}, True),
        ({"x-match": "any", "a": "1"}, {"a": "2"}, False),
        ({"a": None}, {"a": "whatever"}, True),
        ({"a": None}, {}, False),
        ({"x-a": "1"}, {}, True),
        ({"x-match": "all-with-x", "x-a": "1"}, {}, False),
        ({"x-match": "any-with-x", "x-a": "1", "b": "2"}, {"x-a": "1"}, True),
        ({"a": 1}, {"a": "1"}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"a": 1}, True),
    ],
)
def test_a_headers_exchange_looks_at(
    wanted: dict[str, object], headers: dict[str, object], *, expected: bool
) -> None:
    binding = Binding(source="a", destination="q", arguments=Arguments.of(wanted))
    topology = World(
        exchanges={"a": Exchange(name="a", type="headers")},
        queues={"q": Queue(name="q")},
        bindings=frozenset({binding}),
    )
    reached = Routes(topology).reached("a", Message(routing_key="", headers=headers))
    assert reached.queues == ({"q"} if expected else set())


@pytest.mark.parametrize(
    ("wanted", "reached", "is_unsure"),
    [
        ({"a": "1"}, set(), True),
        ({"x-match": "any", "a": "1"}, set(), True),
        ({}, {"q"}, False),
        ({"x-a": "1"}, {"q"}, False),
        ({"x-match": "any"}, {"r"}, False),
    ],
)
def test_an_imagined_message_may_have_any_headers(
    wanted: dict[str, object], reached: set[str], *, is_unsure: bool
) -> None:
    topology = World(
        exchanges={
            "a": Exchange(name="a", type="headers", arguments=Arguments.of({"alternate-exchange": "b"})),
            "b": Exchange(name="b", type="fanout"),
        },
        queues={"q": Queue(name="q"), "r": Queue(name="r")},
        bindings=frozenset(
            {
                Binding(source="a", destination="q", arguments=Arguments.of(wanted)),
                Binding(source="b", destination="r"),
            }
        ),
    )
    found = Routes(topology).reached("a", Message(routing_key="", any_headers=True))
    assert found == Reached(queues=frozenset(reached), unknown=frozenset({"a"} if is_unsure else ()))
