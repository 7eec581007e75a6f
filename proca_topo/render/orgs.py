"""Lists of orgs, and what belongs to one."""

import json
from collections.abc import Iterable, Iterator, Sequence

from proca_topo.render.objects import title
from proca_topo.spec.read import OrgSettings
from proca_topo.topology.desired import Desired
from proca_topo.topology.names import shown
from proca_topo.topology.nouns import Noun


def orgs_text(orgs: Sequence[OrgSettings]) -> str:
    """A table: the org, the options that are on, its variables."""
    if not orgs:
        return "No orgs yet; add one with: proca-topo add-org ORG\n"
    rows = [("ORG", "OPTIONS", "VARIABLES")]
    rows += [
        (
            shown(org.name),
            ", ".join(sorted(shown(name) for name, on in org.options.items() if on)) or "-",
            ", ".join(f"{shown(name)}={shown(value)}" for name, value in sorted(org.variables.items())) or "-",
        )
        for org in orgs
    ]
    if all(row[2] == "-" for row in rows[1:]):
        return _columns([row[:2] for row in rows])
    return _columns(rows)


def orgs_json(orgs: Iterable[OrgSettings]) -> str:
    """The same for programs, with the options that are off."""
    document = {
        "orgs": [
            {
                "name": org.name,
                "options": dict(org.options),
                "variables": dict(org.variables),
                "path": str(org.path),
            }
            for org in orgs
        ]
    }
    return json.dumps(document, indent=2) + "\n"


def added_text(org: str, path: str, desired: Desired, command: str) -> str:
    """What a new org will have, and the command that makes it."""
    lines = [f"Wrote {shown(path)}"]
    wanted = [title(noun) for noun in _nouns(desired) if desired.org_of(noun) == org]
    if wanted:
        lines += [
            "",
            "The next apply declares, where it is absent:",
            *(f"  + {line}" for line in wanted),
            "",
            f"Run: {command}",
        ]
    else:
        lines.append("With these options the org has no objects of its own.")
    return _text(lines)


def removed_text(org: str, path: str, before: Desired | None, command: str) -> str:
    """What a removed org leaves behind, if its file was valid, and the command that shows what becomes of it."""
    lines = [f"Deleted {shown(path)}", *(() if before is None else _left_behind(org, before))]
    return _text([*lines, "", f"Run: {command}"])


def _left_behind(org: str, before: Desired) -> Iterator[str]:
    queues = [queue for _, queue in sorted(before.queues.items()) if before.org_of(queue) == org]
    kept = [queue for queue in queues if before.protected.reason(queue) is not None]
    going = [queue for queue in queues if queue not in kept]
    for heading, some in (
        ("An apply with --prune deletes these queues, once nothing can be lost with them:", going),
        ("These queues stay, because topology.yaml protects them:", kept),
    ):
        if some:
            yield from ("", heading, *(f"  - {title(queue)}" for queue in some))


def _nouns(desired: Desired) -> Iterator[Noun]:
    yield from (noun for _, noun in sorted(desired.exchanges.items()))
    yield from (noun for _, noun in sorted(desired.policies.items()))
    yield from (noun for _, noun in sorted(desired.queues.items()))
    yield from sorted(desired.bindings, key=lambda b: (b.source, b.destination, b.routing_key))


def _columns(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return _text(
        ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    )


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
