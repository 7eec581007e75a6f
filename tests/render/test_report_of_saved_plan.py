"""What the report of a saved plan says of what is left."""

from dataclasses import replace
from typing import Any

import pytest

from proca_topo.apply.report import Result, Status
from proca_topo.plan.changes import Declare, Delete, Retire
from proca_topo.render.report_text import outcome, report_text
from proca_topo.topology.nouns import Exchange, Queue
from tests.render.plans import NEEDS_PRUNE, applied, plan_of, report_of

CONFIRM = Declare(noun=Exchange(name="confirm", type="topic"))
CRM = Declare(noun=Queue(name="acme.crm"), org="acme")
HELD = Result(change=Delete(noun=Queue(name="old")), status=Status.HELD_BACK, reason=NEEDS_PRUNE)
DRAINS = Result(change=Retire(noun=Queue(name="q"), reason="busy"), status=Status.DRAINING, reason="busy")
MISSED = Result(change=CRM, status=Status.NOT_TRIED, reason="stopped: no answer")
NEW_PLAN = "proca-topo plan --prune --out plan.json"


@pytest.mark.parametrize(
    ("results", "how", "said"),
    [
        ((*applied(CRM), DRAINS), {}, "1 draining: once that is over, a new plan finishes it: "),
        ((HELD,), {}, "1 held back: what each needs is said above, and a new plan: "),
        ((HELD, DRAINS), {}, "said above. 1 draining: once that is over, a new plan finishes it: "),
        ((*applied(CONFIRM), MISSED), {}, "listed above, then make a new plan, which has what is left: "),
        ((MISSED,), {"interrupted": True}, "Interrupted; a new plan has what is left: "),
        ((MISSED,), {"unread": "no answer"}, "answers again, make a new plan, which has what is left: "),
        (applied(CONFIRM, CRM), {"after": plan_of(CRM)}, "Find out what does, then make a new plan: "),
    ],
)
def test_it_ends_with_the_command_for_a_new_plan(
    results: tuple[Result, ...], how: dict[str, Any], said: str
) -> None:
    """The same command would be refused, so nothing speaks of it. In the text it is a line, to be copied."""
    report = replace(report_of(*results), **how)
    assert outcome(report, new_plan=NEW_PLAN).endswith(said + NEW_PLAN)
    text = report_text(report, new_plan=NEW_PLAN)
    assert text.endswith(f":\n  {NEW_PLAN}\n")
    assert "same command" not in text


def test_where_nothing_is_left_no_new_plan_is_needed() -> None:
    done = "Done: 1 change applied and read back. Nothing is pending."
    assert outcome(report_of(*applied(CRM)), new_plan=NEW_PLAN) == done
