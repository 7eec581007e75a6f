"""A picture of a spec as one page that stands alone: its libraries, its code and its data are in it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from proca_topo.spec.picture import Part, Picture, PicturedOrg
from proca_topo.topology.names import shown

_LIBRARIES: Final = ("cytoscape", "dagre", "cytoscape-dagre")
_SCRIPTS: Final = (
    *("vendored/cytoscape.min.js", "vendored/dagre.min.js", "vendored/cytoscape-dagre.js"),
    *("routing.js", "spec.js", "drawing.js", "page.js"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedObject:
    """One change of a plan, as the page shows it."""

    action: str
    kind: str
    name: str
    held_back: bool
    object: dict[str, Any]


def page(picture: Picture, *, chosen: str | None = None, overlay: Sequence[PlannedObject] | None = None) -> str:
    """The page. `chosen` is the org that it shows first, None for the template."""
    data = {
        "vhost": picture.vhost,
        "shared": _part(picture.shared),
        "template": _part(picture.template),
        "orgs": [_org(org) for org in picture.orgs],
        "chosen": chosen,
        "plan": None if overlay is None else [_planned(one) for one in overlay],
    }
    title = "Topology" if picture.vhost is None else f"Topology of vhost {shown(picture.vhost)}"
    return (
        _text("page.html")
        .replace("<!-- title -->", _escaped(title))
        .replace("/* style */", _text("page.css"))
        .replace("<!-- licences -->", "\n".join(f"<!--\n{name}\n{_licence(name)}-->" for name in _LIBRARIES))
        .replace("<!-- data -->", f'<script id="data" type="application/json">{_json(data)}</script>')
        .replace("<!-- scripts -->", "\n".join(f"<script>\n{_text(name)}\n</script>" for name in _SCRIPTS))
    )


def _part(part: Part) -> dict[str, Any]:
    """Lists instead of objects: a spec can have thousands."""
    return {
        "exchanges": [[one.name, one.type, one.alternate, _needs(one.needs)] for one in part.exchanges],
        "queues": [
            [one.name, one.type, one.delay, one.dead_letter_exchange, one.dead_letter_key, _needs(one.needs)]
            for one in part.queues
        ],
        "bindings": [
            [one.source, one.destination, int(one.to_queue), one.key, int(one.headers), _needs(one.needs)]
            for one in part.bindings
        ],
    }


def _org(org: PicturedOrg) -> list[Any]:
    values = {name: value for name, value in org.values.items() if name != "org"}
    return [org.name, values, sorted(org.options), *([_part(org.extras)] if org.extras is not None else [])]


def _planned(one: PlannedObject) -> dict[str, Any]:
    return {
        "action": one.action,
        "kind": one.kind,
        "name": one.name,
        "heldBack": one.held_back,
        "object": one.object,
    }


def _needs(needs: Iterable[Iterable[str]]) -> list[list[str]]:
    return [sorted(one) for one in needs]


def _json(data: Any) -> str:  # noqa: ANN401 - any JSON value
    """JSON that ends no script, whatever is in a name."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _text(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _licence(name: str) -> str:
    return _text(f"vendored/{name}.LICENSE").replace("--", "- -")
