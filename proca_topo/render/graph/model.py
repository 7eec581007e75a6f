"""What is drawn of a topology: exchanges and queues as nodes, all the ways between them as edges."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from proca_topo.render.objects import duration
from proca_topo.topology.nouns import CLASSIC, Binding, DestinationType, Exchange, Kind, Queue
from proca_topo.topology.policies_in_force import dead_letters, time_to_live
from proca_topo.topology.routing.routes import Routes, Topology


class EdgeKind(StrEnum):
    """How messages come from one to the other."""

    BINDING = "binding"
    ALTERNATE = "alternate"
    DEAD_LETTERS = "dead-letters"


@dataclass(frozen=True, slots=True, order=True)
class NodeName:
    """A node: exchanges and queues have names of their own. The name "" is the default exchange."""

    kind: Kind
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An exchange or a queue. `traits` are its type and what else is worth a word; None if it is not declared."""

    at: NodeName
    traits: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One way between two nodes. `labels` are the keys of bindings, or the key that dead letters get."""

    source: NodeName
    target: NodeName
    kind: EdgeKind
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """What is drawn, in a fixed order."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def graph_of(topology: Topology) -> Graph:
    """The graph of a topology. What is named and not declared is a node too: it may be somebody else's."""
    routes = Routes(topology)
    edges = tuple(sorted((*_bindings(topology), *_leaving(routes)), key=lambda e: (e.source, e.target, e.kind)))
    nodes = {
        Node(at=NodeName(Kind.EXCHANGE, one.name), traits=_exchange(one)) for one in topology.exchanges.values()
    }
    nodes |= {Node(at=NodeName(Kind.QUEUE, name), traits=_queue(routes, name)) for name in topology.queues}
    known = {node.at for node in nodes}
    named = {at for edge in edges for at in (edge.source, edge.target)}
    nodes |= {Node(at=at, traits=None) for at in named - known}
    return Graph(nodes=tuple(sorted(nodes, key=lambda node: node.at)), edges=edges)


def _bindings(topology: Topology) -> Iterator[Edge]:
    keys: dict[tuple[NodeName, NodeName], list[str]] = defaultdict(list)
    for binding in topology.bindings:
        to = Kind.QUEUE if binding.destination_type is DestinationType.QUEUE else Kind.EXCHANGE
        ends = NodeName(Kind.EXCHANGE, binding.source), NodeName(to, binding.destination)
        keys[ends].append(_label(binding))
    for (source, target), labels in keys.items():
        yield Edge(source=source, target=target, kind=EdgeKind.BINDING, labels=tuple(sorted(labels)))


def _label(binding: Binding) -> str:
    if not binding.arguments:
        return binding.routing_key
    headers = ", ".join(f"{name}={value}" for name, value in binding.arguments.to_dict().items())
    return f"{binding.routing_key} {headers}".strip()


def _leaving(routes: Routes) -> Iterator[Edge]:
    for exchange in routes.exchanges.values():
        for name in routes.policies.alternates(exchange):
            ends = NodeName(Kind.EXCHANGE, exchange.name), NodeName(Kind.EXCHANGE, name)
            yield Edge(source=ends[0], target=ends[1], kind=EdgeKind.ALTERNATE)
    for name in routes.queues:
        queue = routes.queue(name)
        for policy in routes.policies.possible(queue) if queue is not None else ():
            if queue is not None and (letters := dead_letters(queue, policy)) is not None:
                yield Edge(
                    source=NodeName(Kind.QUEUE, name),
                    target=NodeName(Kind.EXCHANGE, letters.exchange),
                    kind=EdgeKind.DEAD_LETTERS,
                    labels=() if letters.routing_key is None else (letters.routing_key,),
                )


def _exchange(exchange: Exchange) -> tuple[str, ...]:
    return (exchange.type, *(("internal",) if exchange.internal else ()))


def _queue(routes: Routes, name: str) -> tuple[str, ...]:
    queue: Queue | None = routes.queue(name)
    if queue is None:
        return ()
    times = {time_to_live(queue, policy) for policy in routes.policies.possible(queue)}
    known = sorted(time for time in times if time is not None)
    return (
        *((queue.type,) if queue.type not in (None, CLASSIC) else ()),
        *(f"waits {duration(time)}" for time in known),
        *(("transient",) if not queue.durable else ()),
    )
