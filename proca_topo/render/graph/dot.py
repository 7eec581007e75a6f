"""A graph as DOT, for Graphviz."""

from collections.abc import Iterable, Iterator

from proca_topo.render.graph.model import Edge, EdgeKind, Graph, Node
from proca_topo.topology.names import one_line
from proca_topo.topology.nouns import Kind


def dot(graph: Graph, notes: Iterable[str] = ()) -> str:
    """The graph; `notes` are comments at its head."""
    return "\n".join(_lines(graph, notes)) + "\n"


def _lines(graph: Graph, notes: Iterable[str]) -> Iterator[str]:
    for note in notes:
        yield f"// {one_line(note)}"
    yield "digraph topology {"
    yield "    rankdir=LR;"
    yield '    node [fontname="sans-serif"];'
    yield '    edge [fontname="sans-serif", fontsize=10];'
    ids = {node.at: f"n{number}" for number, node in enumerate(graph.nodes)}
    for node in graph.nodes:
        yield f"    {ids[node.at]} [{_attributes(node)}];"
    for edge in graph.edges:
        yield f"    {ids[edge.source]} -> {ids[edge.target]} [{_line(edge)}];"
    yield "}"


def _attributes(node: Node) -> str:
    traits = "not declared here" if node.traits is None else ", ".join(node.traits)
    text = "\n".join(part for part in (node.at.name or "(default exchange)", traits) if part)
    shape = "hexagon" if node.at.kind is Kind.EXCHANGE else "box"
    style = ", style=dashed" if node.traits is None else ""
    return f"shape={shape}, label={_quoted(text)}{style}"


def _line(edge: Edge) -> str:
    match edge.kind:
        case EdgeKind.BINDING:
            return f"label={_quoted(chr(10).join(label or '(empty key)' for label in edge.labels))}"
        case EdgeKind.ALTERNATE:
            return 'label="what is not routed", style=dotted'
        case EdgeKind.DEAD_LETTERS:
            key = f" as {edge.labels[0]}" if edge.labels else ""
            return f"label={_quoted(f'dead letters{key}')}, style=dashed"


def _quoted(text: str) -> str:
    """A string of DOT: its lines stay lines, and nothing in it ends it or is read as an escape."""
    lines = (one_line(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n"))
    return '"' + "\\n".join(lines) + '"'
