"""The page of `graph --format html`, in a real browser without a network."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from proca_topo.render.graph.html import PlannedObject, page
from proca_topo.spec.picture import picture
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Queue
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import Routes
from tests.browser.conftest import OpenPage
from tests.browser.worlds import SPECS
from tests.cli.command import Place
from tests.topology.world import World

every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def opened(
    open_page: OpenPage,
    directory: Path,
    tmp_path: Path,
    *,
    chosen: str | None = None,
    overlay: Sequence[PlannedObject] | None = None,
) -> Page:
    """The page of a spec."""
    file = tmp_path / "topology.html"
    file.write_text(page(picture(read_topology(directory)), chosen=chosen, overlay=overlay), encoding="utf-8")
    return open_page(file)


def status(shown: Page) -> str:
    return shown.inner_text("#status")


def classes(shown: Page, selector: str) -> list[str]:
    """The names of the nodes that the page's own graph has for a selector, sorted."""
    found: list[str] = shown.evaluate(
        "(selector) => cy.nodes(selector).map((node) => node.data('name'))", selector
    )
    return sorted(found)


def choose_org(shown: Page, org: str) -> None:
    shown.fill("#org", org)
    shown.press("#org", "Enter")
    shown.press("#org", "Tab")


def trace(shown: Page, exchange: str, key: str) -> None:
    shown.select_option("#exchange", exchange)
    shown.fill("#key", key)
    shown.click("#trace button[type=submit]")


@every_spec
def test_every_spec_is_drawn_with_nothing_on_top_of_anything(
    spec: Path, open_page: OpenPage, tmp_path: Path
) -> None:
    shown = opened(open_page, spec, tmp_path)
    shown.screenshot(path=tmp_path / "page.png")
    overlapping: Any = shown.evaluate(
        """() => {
            const boxes = cy.nodes().map((node) => [node.data('name'), node.boundingBox({includeLabels: false})]);
            return boxes.flatMap(([one, a], at) => boxes.slice(at + 1)
                .filter(([, b]) => a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2)
                .map(([other]) => `${one} and ${other}`));
        }"""
    )
    assert overlapping == []
    topology = read_topology(spec)
    names = {*topology.shared.queues, *topology.template.queues}
    assert set(classes(shown, ".queue")) == names


def test_a_search_finds_names_and_goes_there(open_page: OpenPage, tmp_path: Path) -> None:
    shown = opened(open_page, SPECS["default"], tmp_path)
    shown.fill("#search", "EMAIL")
    assert status(shown) == '2 names have "EMAIL" in it.'
    assert classes(shown, ".found") == ["system.email.confirm", "system.email.thankyou"]
    shown.fill("#search", "nothing like it")
    assert classes(shown, ".found") == []


def test_the_way_of_a_message_lights_up(open_page: OpenPage, tmp_path: Path) -> None:
    shown = opened(open_page, SPECS["default"], tmp_path)
    choose_org(shown, "acme")
    trace(shown, "deliver", "acme.system.action")
    assert status(shown) == "deliver with the key acme.system.action reaches acme.crm, system.email.thankyou."
    assert classes(shown, ".queue.on") == ["acme.crm", "system.email.thankyou"]
    assert "system.email.thankyou: system.retry" in shown.inner_text("#details")
    trace(shown, "confirm", "acme.custom")
    assert status(shown) == "confirm with the key acme.custom reaches nothing."
    shown.click("#clear")
    assert classes(shown, ".on") == []


def test_clicking_an_exchange_chooses_it(open_page: OpenPage, tmp_path: Path) -> None:
    shown = opened(open_page, SPECS["default"], tmp_path)
    place: Any = shown.evaluate("() => cy.getElementById('exchange:deliver').renderedPosition()")
    box = shown.locator("#graph").bounding_box()
    assert box is not None
    shown.mouse.click(box["x"] + place["x"], box["y"] + place["y"])
    shown.wait_for_function("document.getElementById('exchange').value === 'deliver'")
    assert "Exchange deliver" in shown.inner_text("#details")


def test_one_of_ten_thousand_orgs_is_picked(open_page: OpenPage, place: Place, tmp_path: Path) -> None:
    for number in range(10_000):
        place.write_org(f"o{_letters(number)}", "options: {crm: true}\n" if number == 9_999 else "{}\n")
    shown = opened(open_page, place.path, tmp_path)
    last = f"o{_letters(9_999)}"
    shown.fill("#org", last[:3])
    offered: Any = shown.evaluate("() => [...document.getElementById('orgs').options].map((one) => one.value)")
    assert 0 < len(offered) <= 50
    assert all(last[:3] in name for name in offered)
    choose_org(shown, last)
    assert status(shown) == f"Org {last}, over what all orgs share. 10001 orgs."
    assert f"{last}.crm" in classes(shown, ".queue.own")
    choose_org(shown, f"o{_letters(5)}")
    assert classes(shown, ".queue.own") == [f"o{_letters(5)}.confirm"]
    choose_org(shown, "nobody")
    assert status(shown) == "There is no org nobody."


def _letters(number: int) -> str:
    return "".join(chr(ord("a") + number // 26**at % 26) for at in (3, 2, 1, 0))


def test_a_plan_is_seen_in_signs_and_colours_also_what_it_takes_away(open_page: OpenPage, tmp_path: Path) -> None:
    gone = {"name": "acme.old", "durable": True, "auto_delete": False, "arguments": {}}
    binding = {
        "source": "deliver",
        "destination": "acme.old",
        "destination_type": "queue",
        "routing_key": "acme.old",
        "arguments": {},
    }
    new = {"name": "acme.crm", "durable": True, "auto_delete": False, "arguments": {}}
    plan = [
        PlannedObject(action="declare", kind="queue", name="acme.crm", held_back=False, object=new),
        PlannedObject(action="delete", kind="queue", name="acme.old", held_back=True, object=gone),
        PlannedObject(
            action="delete", kind="binding", name="deliver -[acme.old]-> acme.old", held_back=True, object=binding
        ),
    ]
    shown = opened(open_page, SPECS["default"], tmp_path, chosen="acme", overlay=plan)
    labels: Any = shown.evaluate(
        "() => Object.fromEntries(cy.nodes('.queue').map((n) => [n.data('name'), n.data('label')]))"
    )
    assert labels["acme.crm"] == "+ acme.crm"
    assert labels["acme.old"] == "- acme.old"
    assert classes(shown, ".plan-delete") == ["acme.old"]
    edge: Any = shown.evaluate("() => cy.getElementById('exchange:deliver>queue:acme.old').data('label')")
    assert edge == "- acme.old"
    assert "The plan has 3 changes." in status(shown)
    assert "- delete" in shown.inner_text("#legend")


def test_it_is_dark_where_the_reader_wants_that(open_page: OpenPage, tmp_path: Path) -> None:
    shown = opened(open_page, SPECS["default"], tmp_path)

    def background() -> str:
        colour: str = shown.evaluate("() => getComputedStyle(document.body).backgroundColor")
        return colour

    light = background()
    shown.click("#theme")
    assert background() != light
    shown.emulate_media(color_scheme="dark")
    shown.reload()
    assert background() != light
    assert shown.inner_text("#theme") == "Light"


def test_names_cannot_break_out_of_the_page(open_page: OpenPage, place: Place, tmp_path: Path) -> None:
    evil = "</script><script>document.title='broken'</script>'\\\"<!--"
    (place.path / "topology.yaml").write_text(
        f"topology: 1\nowns: ['*']\nvhost: {json.dumps(evil)}\nqueues:\n  {json.dumps(evil)}: {{}}\n"
    )
    (place.path / "orgs").mkdir(exist_ok=True)
    for file in (place.path / "orgs").iterdir():
        file.unlink()
    shown = opened(open_page, place.path, tmp_path)
    assert classes(shown, ".queue") == [evil]
    assert shown.title() != "broken"


def test_the_keyboard_moves_and_zooms_it(open_page: OpenPage, tmp_path: Path) -> None:
    shown = opened(open_page, SPECS["default"], tmp_path)
    shown.focus("#graph")
    before: Any = shown.evaluate("() => [cy.zoom(), cy.pan().x]")
    shown.keyboard.press("+")
    shown.keyboard.press("ArrowLeft")
    after: Any = shown.evaluate("() => [cy.zoom(), cy.pan().x]")
    assert after[0] > before[0]
    shown.keyboard.press("0")
    assert shown.evaluate("() => cy.zoom()") == pytest.approx(before[0], rel=0.05)


WORDS: Final = ("a", "b", "", "*", "#")
CASES: Final = 400


def test_the_page_routes_as_the_commands_do(open_page: OpenPage, tmp_path: Path) -> None:
    """Topic, direct, fanout, a plugin's type, exchange to exchange and alternates, at random."""
    shown = opened(open_page, SPECS["default"], tmp_path)
    dice = random.Random("routes")
    reached_something = 0
    for _ in range(CASES):
        world = _random_world(dice)
        keys = [".".join(dice.choices(WORDS, k=dice.randint(0, 4))) for _ in range(8)]
        routes = Routes(world)
        expected = [routes.reached("one", Message(routing_key=key)) for key in keys]
        found: Any = shown.evaluate(
            """([exchanges, queues, bindings, keys]) => keys.map((key) => {
                const topology = {exchanges: new Map(exchanges), queues: new Map(queues), bindings};
                const found = route(topology, "one", key);
                return [[...found.queues].sort(), [...found.unknown].sort()];
            })""",
            _for_the_page(world, keys),
        )
        assert found == [[sorted(one.queues), sorted(one.unknown)] for one in expected], (world, keys)
        reached_something += sum(bool(one.queues) for one in expected)
    assert reached_something > CASES


def _random_world(dice: random.Random) -> World:
    names = ("one", "two", "three")
    exchanges = {
        name: Exchange(
            name=name,
            type=dice.choice(("topic", "topic", "direct", "fanout", "x-random")) if name != "one" else "topic",
            arguments=Arguments.of(dice.choice(({}, {"alternate-exchange": dice.choice((*names, "gone"))}))),
        )
        for name in names
    }
    bindings = {
        Binding(
            source=dice.choice(names),
            destination=dice.choice(names) if to is DestinationType.EXCHANGE else dice.choice(("q", "r", "s")),
            destination_type=to,
            routing_key=".".join(dice.choices(WORDS, k=dice.randint(0, 3))),
        )
        for to in dice.choices((DestinationType.QUEUE, DestinationType.QUEUE, DestinationType.EXCHANGE), k=7)
    }
    return World(
        exchanges=exchanges,
        queues={name: Queue(name=name) for name in ("q", "r", "s")},
        bindings=frozenset(bindings),
    )


def _for_the_page(world: World, keys: list[str]) -> list[Any]:
    return [
        [[one.name, {"type": one.type, "alternate": one.alternate_exchange}] for one in world.exchanges.values()],
        [[name, {}] for name in world.queues],
        [
            {
                "source": one.source,
                "destination": one.destination,
                "toQueue": one.destination_type is DestinationType.QUEUE,
                "key": one.routing_key,
            }
            for one in world.bindings
        ],
        keys,
    ]
