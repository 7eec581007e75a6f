"""Graphs as Mermaid and DOT: as they read, and taken by those who draw them."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proca_topo.render.graph.dot import dot
from proca_topo.render.graph.mermaid import mermaid
from proca_topo.render.graph.model import Graph, graph_of
from proca_topo.spec.outline import outline, with_shared
from proca_topo.spec.topology_file import read_topology
from tests.browser.conftest import OpenPage
from tests.browser.worlds import EVIL, SPECS, small

Drawing = Callable[[str], str]


def graphs() -> dict[str, Graph]:
    """The shipped specs, one of their orgs, and names that could break out of anything."""
    of_specs = {name: graph_of(outline(read_topology(path))) for name, path in SPECS.items()}
    return {
        **of_specs,
        "org": graph_of(with_shared(read_topology(SPECS["default"]), "acme")),
        "evil": graph_of(small(EVIL)),
    }


GRAPHS = graphs()
every_graph = pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS.keys())


def test_mermaid() -> None:
    text = mermaid(graph_of(small()), ["a note"])
    assert text.startswith("flowchart LR\n    %% a note\n")
    for line in (
        '{{"failed<br><small>fanout, internal</small>"}}',
        '["waiting<br><small>quorum, waits 90s</small>"]',
        '-- "a<br>mail.#35;" -->',
        '-. "dead letters as mail" .->',
        '-. "what is not routed" .->',
        "(default exchange)",
        "not declared here",
    ):
        assert line in text


def test_dot() -> None:
    text = dot(graph_of(small()), ["a note"])
    assert text.startswith("// a note\ndigraph topology {\n")
    for line in (
        'shape=hexagon, label="failed\\nfanout, internal"',
        'shape=box, label="waiting\\nquorum, waits 90s"',
        'label="a\\nmail.#"',
        'label="dead letters as mail", style=dashed',
        'label="what is not routed", style=dotted',
        'label="lost\\nnot declared here", style=dashed',
    ):
        assert line in text


@every_graph
def test_graphviz_draws_every_node_and_edge(graph: Graph) -> None:
    drawn = subprocess.run(
        ["dot", "-Tsvg"], input=dot(graph), capture_output=True, text=True, check=True, encoding="utf-8"
    )
    assert drawn.stderr == ""
    assert drawn.stdout.count('class="node"') == len(graph.nodes)
    assert drawn.stdout.count('class="edge"') == len(graph.edges)


@every_graph
def test_mermaid_draws_every_node_and_edge(
    graph: Graph, open_page: OpenPage, mermaid_library: str, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    file.write_text("<!doctype html><meta charset=utf-8><body></body>", encoding="utf-8")
    page = open_page(file)
    page.add_script_tag(content=mermaid_library)
    drawn: Any = page.evaluate(
        """async (text) => {
            mermaid.initialize({startOnLoad: false, securityLevel: "strict"});
            document.body.innerHTML = (await mermaid.render("drawn", text)).svg;
            return [document.querySelectorAll(".node").length, document.querySelectorAll(".flowchart-link").length,
                    document.querySelectorAll("script").length];
        }""",
        mermaid(graph),
    )
    assert drawn[:2] == [len(graph.nodes), len(graph.edges)]
