"""Nouns with every kind of name that RabbitMQ takes, and a way of not listening to progress."""

from typing import Any

from hypothesis import strategies as st

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue


def silent(count: int) -> None:
    """Progress that nobody watches."""


def _fits(name: str) -> bool:
    return 0 < len(name.encode()) <= 255 and not name.startswith("amq.")


ODD_NAMES = (
    "a b",
    "a/b",
    "a%2Fb",
    "~",
    "#",
    "*",
    "a+b",
    "ü.名前.🐇",
    "..",
    ".",
    "x" * 255,
    "?a=b&c#d",
    "a\\b\"c'd",
    "\t",
    " ",
    ";:@,$!()[]{}|^`<>",
)
ODD_KEYS = ("", "..", ".", "a..b", ".a.", "*.#", "#.", "~", "a~b", *ODD_NAMES)

# A permission of `.*` does not cover a line break (seen on 4.3), so nobody may declare such a name.
_characters = st.characters(codec="utf-8", exclude_characters="\x00\n\r\v\f\x85\u2028\u2029")
names = st.one_of(
    st.sampled_from(ODD_NAMES), st.text("abc.*#~%/ +é", min_size=1, max_size=8), st.text(_characters, max_size=60)
).filter(_fits)
keys = st.one_of(st.sampled_from(ODD_KEYS), st.text("ab.*#%/ +é", max_size=8))
simple_keys = st.text("abZ09._-*#", max_size=12)

_values: st.SearchStrategy[Any] = st.one_of(
    st.integers(-(2**31), 2**31 - 1),
    st.booleans(),
    st.text("abc é", max_size=5),
    st.lists(st.integers(0, 9), max_size=2),
)
tables = st.dictionaries(st.sampled_from(["x-a", "x-b", "org", "ü"]), _values, max_size=2).map(Arguments.of)
queue_tables = st.fixed_dictionaries(
    {},
    optional={
        "x-message-ttl": st.integers(0, 2**31),
        "x-max-length": st.integers(1, 1000),
        "x-dead-letter-exchange": names,
        "x-anything": st.text(max_size=3).filter(lambda text: "\x00" not in text),
    },
).map(Arguments.of)

queues = st.builds(
    Queue,
    name=names,
    durable=st.just(value=True),
    auto_delete=st.booleans(),
    type=st.just("classic"),
    arguments=queue_tables,
)
exchanges = st.builds(
    Exchange,
    name=names,
    type=st.sampled_from(["topic", "direct", "fanout", "headers"]),
    durable=st.booleans(),
    auto_delete=st.booleans(),
    internal=st.booleans(),
    arguments=tables,
)
policies = st.builds(
    Policy,
    name=names,
    pattern=st.sampled_from(["", "^a", "x"]),
    apply_to=st.sampled_from(["all", "queues"]),
    priority=st.integers(-5, 5),
    definition=st.just(Arguments.of({"message-ttl": 5})),
)
bindings = st.builds(
    Binding,
    source=names,
    destination=names,
    destination_type=st.sampled_from(DestinationType),
    routing_key=keys,
    arguments=tables,
)
