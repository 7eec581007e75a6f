"""The way of a message as JSON: a public format, versioned, with a JSON Schema."""

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Literal

from pydantic import Field

from proca_topo.render.documents import Document
from proca_topo.render.json_text import json_text
from proca_topo.topology.routing.visits import End, ExchangeVisit, Fate, Leaving, QueueVisit, Trace, Way

_MOST_PATHS: Final = 1_000


class StepDocument(Document):
    """One step of a path: into an exchange or a queue, or out of a queue."""

    kind: Literal["exchange", "queue", "leaves"]
    name: str = Field(description="of the exchange or queue; of the queue that it leaves")
    type: str | None = Field(description="of the exchange or queue; null where it is not declared")
    routing_key: str | None = Field(description="with which it comes to an exchange; else null")
    binding: str | None = Field(description="the key of the binding by which it comes; null without one")
    alternate: bool = Field(description="it comes as what another exchange could not route")
    fate: Fate | None = Field(description="why it leaves; else null")
    delay: int | None = Field(description="the milliseconds after which it expires; else null")


class PathDocument(Document):
    """One way to its end."""

    steps: list[StepDocument]
    end: End | Literal["unrouted", "unknown-type", "missing", "already"] = Field(
        description="`rests`, `back`, `kept`: in a queue; `unknown-type`: not known; `already`: told before;"
        " `untold`: not followed; else dropped"
    )


class TraceDocument(Document):
    """The way of one message."""

    format_version: Literal[1] = Field(description="grows when a reader of the format has to change")
    exchange: str
    routing_key: str
    queues: list[str] = Field(description="the queues that it reaches at once, sorted")
    ends: list[str] = Field(description="the queues in which it is in the end, sorted")
    unknown: list[str] = Field(description="exchanges that may lead to more, which cannot be known")
    paths: list[PathDocument] = Field(description="1,000 at most")
    more_paths: bool = Field(description="there are others, which are left out; `ends` may then not be all either")


def trace_json(trace: Trace) -> str:
    """The whole way, a path a line."""
    paths = list(islice(_paths(trace.start, None, []), _MOST_PATHS + 1))
    document = TraceDocument(
        format_version=1,
        exchange=trace.start.name,
        routing_key=trace.start.routing_key,
        queues=sorted(trace.queues),
        ends=sorted(trace.ends),
        unknown=sorted(trace.unknown),
        paths=[PathDocument(steps=steps, end=end) for steps, end in paths[:_MOST_PATHS]],
        more_paths=len(paths) > _MOST_PATHS,
    )
    return json_text(document, one_a_line="paths")


def trace_schema() -> dict[str, Any]:
    """The JSON Schema of `trace_json`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **TraceDocument.model_json_schema(mode="serialization"),
    }


def _paths(
    visit: ExchangeVisit, way: Way | None, before: list[StepDocument]
) -> Iterator[tuple[list[StepDocument], Any]]:
    steps = [*before, _step("exchange", visit.name, visit.type, way, routing_key=visit.routing_key)]
    if not visit.ways:
        yield steps, "missing" if visit.type is None else "unrouted" if visit.is_known else "unknown-type"
    for one in visit.ways:
        match one.to:
            case None:
                yield [*steps, _step("exchange", one.name, None, one)], "already"
            case ExchangeVisit() as exchange:
                yield from _paths(exchange, one, steps)
            case QueueVisit() as queue:
                yield from _from_queue(queue, one, steps)


def _from_queue(
    queue: QueueVisit, way: Way, before: list[StepDocument]
) -> Iterator[tuple[list[StepDocument], Any]]:
    steps = [*before, _step("queue", queue.name, queue.type, way)]
    if queue.end is not None:
        yield steps, queue.end
    for leaving in queue.leaving:
        out = [*steps, _out(queue, leaving)]
        if leaving.to is None:
            yield out, leaving.end
        else:
            kept = leaving.end is End.KEPT
            for path, end in _paths(leaving.to, None, out):
                yield path, End.KEPT if kept and end != "already" else end


def _step(
    kind: Literal["exchange", "queue"],
    name: str,
    type_: str | None,
    way: Way | None,
    *,
    routing_key: str | None = None,
) -> StepDocument:
    return StepDocument(
        kind=kind,
        name=name,
        type=type_,
        routing_key=routing_key,
        binding=way.binding.routing_key if way is not None and way.binding is not None else None,
        alternate=way is not None and way.binding is None,
        fate=None,
        delay=None,
    )


def _out(queue: QueueVisit, leaving: Leaving) -> StepDocument:
    return StepDocument(
        kind="leaves",
        name=queue.name,
        type=queue.type,
        routing_key=None,
        binding=None,
        alternate=False,
        fate=leaving.fate,
        delay=leaving.delay,
    )
