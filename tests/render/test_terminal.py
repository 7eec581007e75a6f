"""Colours."""

import re

from rich.color import ColorSystem

from proca_topo.render.lines import Line, Role, as_text
from proca_topo.render.plan_text import plan_lines
from proca_topo.render.terminal import as_rich, in_colour
from tests.render.plans import EVERY_ACTION, plan_of


def test_colours_are_all_that_a_terminal_adds() -> None:
    lines = plan_lines(plan_of(*EVERY_ACTION))
    coloured = in_colour(lines, ColorSystem.STANDARD)
    assert "\x1b[32m  + exchange confirm (topic)\x1b[0m\n" in coloured
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == as_text(lines)


def test_every_role_has_a_look() -> None:
    assert in_colour([Line("x", role) for role in Role], ColorSystem.STANDARD).count("x\x1b[0m\n") >= len(Role) - 2


def test_rich_text_says_the_same() -> None:
    lines = plan_lines(plan_of(*EVERY_ACTION))
    assert as_rich(lines).plain == as_text(lines)
