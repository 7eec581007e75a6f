"""Write the parts of docs/ that follow from the code: commands, schemas, the picture of a plan.

python scripts/docs.py           write them
python scripts/docs.py --check   exit with 1 if one of them is not current
"""  # noqa: INP001 - a script, in no package

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console

from proca_topo.plan.impact.telling import with_impact
from proca_topo.plan.planner import make_plan
from proca_topo.render.contracts_json import verdicts_schema
from proca_topo.render.plan_json import plan_schema
from proca_topo.render.plan_text import plan_lines
from proca_topo.render.report_json import report_schema
from proca_topo.render.rule_page import rule_page, rules_index
from proca_topo.render.saved_plan import saved_plan_schema
from proca_topo.render.status_json import status_schema
from proca_topo.render.terminal import as_rich
from proca_topo.render.trace_json import trace_schema
from proca_topo.rules.registry import RULES
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology
from proca_topo.topology.arguments import Arguments
from proca_topo.topology.existing import Activity, BrokerIdentity, Existing
from proca_topo.topology.nouns import Binding, Exchange, Queue

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = 80


def documents() -> dict[str, str]:
    """Every generated file: its path in docs/ and what it should hold."""
    return {
        "commands.md": "\n".join(_commands()),
        "plan.schema.json": _json(plan_schema()),
        "report.schema.json": _json(report_schema()),
        "saved-plan.schema.json": _json(saved_plan_schema()),
        "status.schema.json": _json(status_schema()),
        "trace.schema.json": _json(trace_schema()),
        "test.schema.json": _json(verdicts_schema()),
        "plan.svg": _picture(),
        "rules/README.md": rules_index(RULES.values()),
        **{f"rules/{code}.md": rule_page(rule) for code, rule in RULES.items()},
    }


def main() -> int:
    """Write what is not current, or with `--check` only name it."""
    check = "--check" in sys.argv[1:]
    stale = {name: text for name, text in documents().items() if _current(name) != text}
    for name, text in stale.items():
        if not check:
            (ROOT / "docs" / name).parent.mkdir(exist_ok=True)
            (ROOT / "docs" / name).write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/{name} {'is not current; run scripts/docs.py' if check else 'written'}\n")
    return 1 if check and stale else 0


def _current(name: str) -> str | None:
    path = ROOT / "docs" / name
    return path.read_text(encoding="utf-8") if path.exists() else None


def _commands() -> Iterator[str]:
    yield "# Commands"
    yield ""
    yield "Written by `scripts/docs.py` from `--help`."
    top = _help()
    names = re.findall(r"^  ([a-z-]+) {2,}", top.partition("\nCommands:\n")[2], re.MULTILINE)
    for title, text in [("proca-topo", top), *((f"proca-topo {name}", _help(name)) for name in names)]:
        yield ""
        yield f"## {title}"
        yield ""
        yield "```text"
        yield text.strip()
        yield "```"
    yield ""


def _help(*command: str) -> str:
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "NO_COLOR": "1"}
    asked = [sys.executable, "-m", "proca_topo.cli.main", *command, "--help"]
    return subprocess.run(asked, env=environment, check=True, capture_output=True, text=True).stdout


def _picture() -> str:
    """The plan of the repository's own spec for a broker that has most of it, and something old."""
    desired = load_desired(read_topology(ROOT))
    old = Queue(name="formerly.crm", type="classic")
    waiting = Queue(
        name="system.retry",
        type="classic",
        arguments=Arguments.of({"x-dead-letter-exchange": "system.retry", "x-message-ttl": 20000}),
    )
    of_orgs = {org for queue in desired.queues.values() if (org := desired.org_of(queue)) is not None}
    newest = max(of_orgs)
    there = {
        name: queue.with_type_from("classic")
        for name, queue in desired.queues.items()
        if desired.org_of(queue) != newest
    }
    existing = Existing(
        broker=BrokerIdentity(location="https://rabbit.example.org", version="4.0.5"),
        vhost="proca",
        exchanges={**desired.exchanges, "amq.topic": Exchange(name="amq.topic", type="topic")},
        queues={**there, waiting.name: waiting, old.name: old},
        bindings={
            **{binding: ("",) for binding in desired.bindings if desired.org_of(binding) != newest},
            Binding(source="deliver", destination=old.name, routing_key="formerly.*.*"): ("",),
        },
        activity={"system.retry": Activity(ready=3), old.name: Activity(ready=12)},
    )
    plan = with_impact(make_plan(existing, desired, with_prune=True), existing, desired)
    lines = plan_lines(plan)
    console = Console(
        record=True, width=COLUMNS + 8, file=io.StringIO(), force_terminal=True, color_system="standard"
    )
    console.print(as_rich(lines), soft_wrap=True)
    return console.export_svg(title="proca-topo plan --prune", unique_id="plan") + "\n"


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
