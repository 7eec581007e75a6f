"""Why a saved plan is not applied, as text."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from proca_topo.plan.staleness import Discrepancy, Verdict
from proca_topo.render.objects import title
from proca_topo.render.plan_text import SYMBOLS
from proca_topo.topology.names import shown

# Of each verdict. Who has so many reads them in a new plan.
_FEW: Final = 20


def stale_text(file: str, planned: int, found: Sequence[Discrepancy], new_plan: str) -> str:
    """What differs, change by change, and the command for a new plan. `planned` is how many changes there were."""
    counts = Counter(one.verdict for one in found)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    all_done = counts[Verdict.DONE] == planned == len(found)
    how = "All of it" if all_done else "Changes that differ"
    lines = [f"{shown(file)} is not the plan any more, and nothing was applied. {how}: {summary}"]
    for verdict in Verdict:
        group = [one for one in found if one.verdict is verdict]
        lines += [f"  {_line(one)}" for one in group[:_FEW]]
        if len(group) > _FEW:
            lines.append(f"  … and {len(group) - _FEW} more that are {verdict}")
    return "\n".join([*lines, f"Make a new plan, and look at it: {new_plan}"])


def _line(one: Discrepancy) -> str:
    why = f": {one.why}" if one.why else ""
    return f"{SYMBOLS[one.change.action]} {title(one.change.noun)}  {one.verdict}{why}"
