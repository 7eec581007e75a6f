"""One queue, `work`, bound to the exchange `in`, and numbers as its messages."""

from pathlib import Path
from typing import Final

import pika

from proca_topo.apply.report import Report, Status
from proca_topo.plan.changes import Replacing
from tests.live import Live, desired_in

KINDS: Final = ["policies", "operator-policies"]
"""What can limit a queue from outside."""


def write(folder: Path, more: str, *, name: str = "work") -> None:
    (folder / "topology.yaml").write_text(
        "topology: 1\nowns: [in, work, job]\nexchanges: {in: {type: topic}}\n"
        f"queues: {{{name}: {{bindings: [{{exchange: in, key: '#'}}]{more}}}}}\n"
    )


def write_richly_bound(folder: Path, more: str, *, name: str = "work") -> None:
    """The same behind a topic and a headers exchange, with a binding that is somebody else's."""
    bindings = (
        "{exchange: in, key: 'a.#'}, {exchange: in, key: b}, {exchange: heads, arguments: {x-match: all, n: 1}}"
    )
    (folder / "topology.yaml").write_text(
        "topology: 1\n"
        "owns: [in, heads, work, job, labour]\n"
        "ignore: [{exchange: theirs, key: k}]\n"
        "exchanges: {in: {type: topic}, heads: {type: headers}}\n"
        f"queues: {{{name}: {{bindings: [{bindings}]{more}}}}}\n"
    )


def publish(live: Live, numbers: range) -> None:
    with live.channel() as channel:
        for number in numbers:
            persistent = pika.BasicProperties(delivery_mode=2)
            channel.basic_publish("in", "a", str(number).encode(), persistent, mandatory=True)


def taken(live: Live, queue: str = "work", at_most: int = 1000) -> list[int]:
    """The numbers of the messages that wait, in their order; they are taken out."""
    found: list[int] = []
    with live.channel() as channel:
        while len(found) < at_most and (got := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append(int(got[2]))
    return found


def apply(live: Live, folder: Path, how: Replacing = Replacing.IDLE) -> Report:
    return live.apply(desired_in(folder), replacing=how)


def statuses(report: Report) -> set[Status]:
    return {result.status for result in report.results}


def queues(live: Live) -> dict[str, dict[str, object]]:
    """The queues with their arguments; their type, of which only RabbitMQ 4.x tells always, left out."""
    found = {queue["name"]: queue["arguments"] for queue in live.definitions()["queues"]}
    return {name: {k: v for k, v in table.items() if k != "x-queue-type"} for name, table in found.items()}


def limited_by(live: Live, definition: dict[str, int], *, pattern: str, kind: str = "policies") -> None:
    policy = {"pattern": pattern, "definition": definition, "apply-to": "queues"}
    live.http.put(f"/api/{kind}/{live.path}/theirs", json=policy).raise_for_status()
