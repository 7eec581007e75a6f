"""`proca-topo graph`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from proca_topo.cli import options, output
from proca_topo.cli.named_orgs import check_named_orgs
from proca_topo.cli.places import check_place
from proca_topo.errors import UsageError


class Format(StrEnum):
    """How the graph is written."""

    MERMAID = "mermaid"
    DOT = "dot"
    HTML = "html"


_BY_ENDING: Final = {".html": Format.HTML, ".htm": Format.HTML, ".dot": Format.DOT, ".gv": Format.DOT}


def graph(
    *,
    org: Annotated[
        str | None,
        typer.Option("--org", metavar="ORG", help="Draw this org instead of the template.", show_default=False),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Show this plan in the page (plan --format json).", show_default=False
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write to this file.", show_default="stdout")
    ] = None,
    result_format: Annotated[
        Format | None,
        typer.Option("--format", help="How to write it.", show_default="by FILE's ending, or mermaid"),
    ] = None,
    directory: options.Directory = Path(),
) -> None:
    """Draw the topology that the spec describes, without a broker.

    Drawn are exchanges, queues, and how messages get from one to the other: of what all orgs share, and over it
    of the org template as it stands, or of one org. Mermaid is what GitHub and GitLab draw by themselves in
    Markdown; DOT is for Graphviz. The page (html) stands alone, without a network: search, choose an org, click an
    exchange and type a routing key to see the way of a message. No broker is needed.

    \b
      proca-topo graph
      proca-topo graph --org acme --format dot | dot -Tsvg > acme.svg
      proca-topo graph --out topology.html
      proca-topo graph --plan plan.json --out plan.html
    """  # noqa: D301 - the escape makes the help text keep the lines of the example
    from proca_topo.spec.topology_file import read_topology

    result_format = result_format or _usual(plan, out)
    if plan is not None and result_format is not Format.HTML:
        raise UsageError(f"a plan is shown in a page: --plan goes with --format html, not {result_format}")
    if out is not None:
        check_place(out, directory, "the graph")
    topology = read_topology(directory)
    check_named_orgs([] if org is None else [org], topology)
    match result_format:
        case Format.MERMAID | Format.DOT:
            from proca_topo.render.graph.dot import dot
            from proca_topo.render.graph.mermaid import mermaid
            from proca_topo.render.graph.model import graph_of
            from proca_topo.spec.outline import outline, with_shared

            drawn = graph_of(outline(topology) if org is None else with_shared(topology, org))
            notes = [] if org is not None else ["the org template as it stands; for one org: graph --org ORG"]
            text = mermaid(drawn, notes) if result_format is Format.MERMAID else dot(drawn, notes)
        case Format.HTML:
            from proca_topo.cli.planned_graph import overlay
            from proca_topo.render.graph.html import page
            from proca_topo.spec.picture import picture

            text = page(picture(topology), chosen=org, overlay=None if plan is None else overlay(plan))
    if out is None:
        output.result(text)
    else:
        output.write_file(out, text)
        output.say(f"Wrote {out}")


def _usual(plan: Path | None, out: Path | None) -> Format:
    """How it is written if nobody says."""
    if plan is not None:
        return Format.HTML
    return _BY_ENDING.get(out.suffix.lower(), Format.MERMAID) if out is not None else Format.MERMAID
