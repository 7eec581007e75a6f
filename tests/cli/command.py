"""The command as a shell runs it."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

COMMAND: Final = str(Path(sys.executable).with_name("proca-topo"))
PATIENCE: Final = 300  # seconds, for what takes some at most; a busy machine takes many times as long
# As long as a busy machine may take to end a process, and less than an answer of the broker is waited for.
AT_ONCE_SECONDS: Final = 60

_PROGRESS: Final = re.compile(
    r"^(?:reading back|[a-z ]+: [\d,]+ of [\d,]+(?:, [\d,]+/s, [\d,]+ s left)?)\n", re.MULTILINE
)

TOPOLOGY: Final = """\
topology: 1
vhost: proca
owns: ["confirm", "deliver", "system.*", "{org}.confirm", "{org}.crm"]
exchanges:
  confirm: {type: topic}
  deliver: {type: topic}
queues:
  system.sqs: {}
org:
  name: "[a-z]{2,32}"
  options:
    crm: {default: false, help: "a queue for the org's CRM"}
    sqs: {default: false, help: "a copy to SQS"}
  queues:
    "{org}.confirm": {bindings: [{exchange: confirm, key: "{org}.custom.supporter"}]}
    "{org}.crm": {when: crm, bindings: [{exchange: deliver, key: "{org}.*.*"}]}
  bindings:
    - {queue: system.sqs, exchange: deliver, key: "{org}.system.*", when: sqs}
"""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    def document(self) -> Any:
        """stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A directory with a spec, and a definitions file that is the broker."""

    path: Path

    @property
    def broker(self) -> Path:
        return self.path / "broker.json"

    def write_org(self, name: str, text: str = "{}\n") -> None:
        (self.path / "orgs").mkdir(exist_ok=True)
        (self.path / "orgs" / f"{name}.yaml").write_text(text)

    def write_broker(self, **sections: list[dict[str, Any]]) -> None:
        """The definitions, of one vhost."""
        objects = {name: [{"vhost": "proca", **entry} for entry in entries] for name, entries in sections.items()}
        self.broker.write_text(json.dumps({"vhosts": [{"name": "proca"}], **objects}))

    def run(self, *arguments: str, stdin: str = "", **environment: str) -> Ran:
        """Run the command in the directory, with nothing of this process's own settings."""
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=self.path,
            env={**clean_environment(), "PROCA_TOPO_BROKER": "broker.json", **environment},
            input=stdin.encode(),
            capture_output=True,
            check=False,
        )
        return Ran(code=done.returncode, out=done.stdout.decode(), err=without_progress(done.stderr.decode()))


def rest_of(process: "subprocess.Popen[str]") -> str:
    """What it still says on stderr until it ends, after some lines of that were read.

    `communicate` leaves out what was read ahead with these lines.
    """
    assert process.stderr is not None
    patience = threading.Timer(PATIENCE, process.kill)
    patience.start()
    try:
        said = process.stderr.read()
        process.wait()
    finally:
        patience.cancel()
    return said


def without_progress(err: str) -> str:
    """What was said on stderr but for how far it is, which is told every ten seconds on a machine that is slow."""
    return _PROGRESS.sub("", err)


def clean_environment() -> Mapping[str, str]:
    """The environment without what would change how the command behaves."""
    ours = ("PROCA_TOPO_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
