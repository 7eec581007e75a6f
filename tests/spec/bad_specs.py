"""Bad specs, a few to a file: `### what is wrong`, then `=== FILE` and its text, then `=== problems`.

Where a case has no topology.yaml of its own it has the one of `GOOD`.
"""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from proca_topo.errors import ProcaTopoError, SpecError
from proca_topo.spec.read import load_desired
from proca_topo.spec.topology_file import read_topology

FOLDER: Final = Path(__file__).parent / "bad"
PROBLEMS: Final = "problems"

GOOD: Final = """\
topology: 1
owns: ["confirm", "deliver", "system.*", "{org}.confirm", "{org}.crm", "{org}.extra.*"]
exchanges:
  confirm: {type: topic}
  deliver: {type: topic}
retry:
  system: {delay: 30s, fail: system.fail, wait: system.retry, return: system.retry}
queues:
  system.sqs: {}
org:
  options: {crm: {help: "a queue for the CRM"}, sqs: {}}
  queues:
    "{org}.confirm": {bindings: [{exchange: confirm, key: "{org}.custom.supporter"}]}
    "{org}.crm": {when: crm, bindings: [{exchange: deliver, key: "{org}.*.*"}]}
  bindings:
    - {queue: system.sqs, exchange: deliver, key: "{org}.system.*", when: sqs}
"""


@dataclass(frozen=True, kw_only=True)
class BadSpec:
    """A spec as files, and what is to be said about it."""

    name: str
    files: Mapping[str, str]
    problems: tuple[str, ...]


def all_bad_specs() -> Iterator[BadSpec]:
    """Every case there is."""
    for path in sorted(FOLDER.glob("*.txt")):
        yield from cases_in(path)


def cases_in(path: Path) -> Iterator[BadSpec]:
    """The cases of one file."""
    for chunk in path.read_text(encoding="utf-8").split("### ")[1:]:
        name, _, rest = chunk.partition("\n")
        files: dict[str, str] = {}
        for part in rest.split("=== ")[1:]:
            file, _, text = part.partition("\n")
            # One empty line at the end is for the eye.
            files[file] = text.removesuffix("\n")
        problems = tuple(line for line in files.pop(PROBLEMS, "").splitlines() if line)
        yield BadSpec(name=name, files=files, problems=problems)


def as_text(name: str, files: Mapping[str, str], problems: tuple[str, ...]) -> str:
    """A case as it stands in its file."""
    parts = "".join(f"=== {file}\n{text}\n" for file, text in files.items())
    return f"### {name}\n{parts}=== {PROBLEMS}\n" + "".join(f"{line}\n" for line in problems) + "\n"


def written(files: Mapping[str, str], directory: Path) -> Path:
    """The directory, with these files in it."""
    for file, text in {"topology.yaml": GOOD, **files}.items():
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory


def problems_in(directory: Path) -> tuple[str, ...]:
    """What the loader says about the spec there, line by line."""
    try:
        load_desired(read_topology(directory), with_routes=True)
    except SpecError as error:
        return error.problems
    except ProcaTopoError as error:
        return (str(error),)
    return ()


def problems_of(files: Mapping[str, str]) -> tuple[str, ...]:
    """What the loader says about a spec of these files."""
    with tempfile.TemporaryDirectory() as directory:
        return problems_in(written(files, Path(directory)))
