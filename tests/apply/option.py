"""An option that gives an org a queue with a retry circuit, and what a prune does once it is switched off."""

from pathlib import Path
from typing import Final

from proca_topo.apply.report import Status
from proca_topo.plan.changes import Delete, Retire
from proca_topo.topology.nouns import Queue
from tests.live import Live, desired_in

SPEC: Final = """\
topology: 1
owns: ["in", "system.*", "{org}.crm"]
exchanges:
  in: {type: topic}
retry:
  system: {delay: 2s, fail: system.fail, wait: system.retry, return: system.retry}
org:
  options:
    crm: {default: false}
  queues:
    "{org}.crm": {when: crm, retry: system, bindings: [{exchange: in, key: "{org}.#"}] TYPE}
"""


def write_spec(folder: Path, queue_type: str) -> None:
    (folder / "topology.yaml").write_text(SPEC.replace(" TYPE", f", type: {queue_type}"))


def switch(folder: Path, *, on: bool) -> None:
    (folder / "orgs" / "acme.yaml").write_text(f"options: {{crm: {str(on).lower()}}}\n")


def queue_status(live: Live, folder: Path) -> tuple[Status, str | None]:
    """What a prune does to the queue, and why it has to stay."""
    report = live.apply(desired_in(folder), with_prune=True)
    assert report.exit_code() == 0
    [result] = [r for r in report.results if isinstance(r.change.noun, Queue)]
    assert isinstance(result.change, (Delete, Retire))
    return result.status, result.reason
