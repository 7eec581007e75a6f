"""A graph as Mermaid, which GitHub and GitLab draw by themselves in Markdown."""

from collections.abc import Iterable, Iterator
from typing import Final

from proca_topo.render.graph.model import Edge, EdgeKind, Graph, Node
from proca_topo.topology.names import one_line
from proca_topo.topology.nouns import Kind

# Mermaid reads entities in quoted text: all that could end it, or be taken for Markdown, becomes one.
_PLAIN: Final = frozenset(" .,:_/+=-{}()*")
_MOST_LABELS: Final = 4


def mermaid(graph: Graph, notes: Iterable[str] = ()) -> str:
    """The graph; `notes` are comments at its head."""
    return "\n".join(_lines(graph, notes)) + "\n"


def _lines(graph: Graph, notes: Iterable[str]) -> Iterator[str]:
    yield "flowchart LR"
    for note in notes:
        yield f"    %% {one_line(note)}"
    ids = {node.at: f"n{number}" for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        yield f"    {ids[node.at]}{_shape(node)}"
    for edge in graph.edges:
        yield f"    {ids[edge.source]} {_arrow(edge)} {ids[edge.target]}"
    yield "    classDef elsewhere stroke-dasharray: 4 3"
    elsewhere = [ids[node.at] for node in graph.nodes if node.traits is None]
    if elsewhere:
        yield f"    class {','.join(elsewhere)} elsewhere"


def _shape(node: Node) -> str:
    name = _text(node.at.name) or "(default exchange)"
    traits = "not declared here" if node.traits is None else ", ".join(node.traits)
    text = f'"{name}<br><small>{_text(traits)}</small>"' if traits else f'"{name}"'
    match node.at.kind:
        case Kind.EXCHANGE:
            return f"{{{{{text}}}}}"
        case _:
            return f"[{text}]"


def _arrow(edge: Edge) -> str:
    match edge.kind:
        case EdgeKind.BINDING:
            shown = [_text(label) or "(empty key)" for label in edge.labels[:_MOST_LABELS]]
            more = [f"and {len(edge.labels) - _MOST_LABELS} more"] if len(edge.labels) > _MOST_LABELS else []
            return f'-- "{"<br>".join([*shown, *more])}" -->'
        case EdgeKind.ALTERNATE:
            return '-. "what is not routed" .->'
        case EdgeKind.DEAD_LETTERS:
            key = f" as {_text(edge.labels[0])}" if edge.labels else ""
            return f'-. "dead letters{key}" .->'


def _text(text: str) -> str:
    """Text that ends no quotes and is no Markdown or HTML, whatever is in it."""
    return "".join(char if char.isalnum() or char in _PLAIN else f"#{ord(char)};" for char in one_line(text))
