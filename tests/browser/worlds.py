"""Topologies to be drawn."""

from pathlib import Path

from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Queue
from tests.topology.world import World

ROOT = Path(__file__).parents[2]
SPECS = {"default": ROOT, **{path.name: path for path in sorted((ROOT / "examples").iterdir())}}
# What ends a script, a quoted text, an attribute or a line, and what Markdown, Mermaid and DOT mean something by.
EVIL = "</script><script>alert(1)</script>\"'`&#35;\\{}[]()<b>|-->;%% *_\x1b[31m\u202e\u2028é日本"


def small(name: str = "mail") -> World:
    """One of everything that is drawn: each kind of edge, what is not declared, and `name` wherever one can be."""
    work = Queue(
        name=name,
        arguments=Arguments.of({"x-dead-letter-exchange": "failed", "x-dead-letter-routing-key": name}),
    )
    waiting = Queue(
        name="waiting",
        type="quorum",
        arguments=Arguments.of({"x-dead-letter-exchange": "", "x-message-ttl": 90000}),
    )
    return World(
        exchanges={
            "in": Exchange(name="in", type="topic", arguments=Arguments.of({"alternate-exchange": "lost"})),
            "failed": Exchange(name="failed", type="fanout", internal=True),
            name: Exchange(name=name, type=name),
        },
        queues={name: work, "waiting": waiting},
        bindings=frozenset(
            {
                Binding(source="in", destination=name, routing_key=f"{name}.#"),
                Binding(source="in", destination=name, routing_key="a"),
                Binding(source="failed", destination="waiting"),
                Binding(source="in", destination=name, destination_type=DestinationType.EXCHANGE, routing_key="b"),
                Binding(source="amq.headers", destination=name, arguments=Arguments.of({name: name})),
            }
        ),
    )
