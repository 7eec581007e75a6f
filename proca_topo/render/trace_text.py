"""The way of a message as indented lines, which read the same at a terminal, in a log and in a pipe."""

from collections.abc import Iterator
from itertools import islice

from proca_topo.render.lines import BLANK, Line, Role, wrapped
from proca_topo.render.objects import duration
from proca_topo.topology.names import shown, shown_exchange
from proca_topo.topology.routing.visits import (
    End,
    ExchangeVisit,
    Fate,
    Leaving,
    QueueVisit,
    Trace,
    Way,
    queues_of,
)

_STEP = "  "
_MOST_LINES = 500


def trace_lines(trace: Trace) -> Iterator[Line]:
    """The tree, or its first 500 lines, then what it comes to in a sentence."""
    yield Line(_exchange(trace.start), Role.HEADING)
    yield from islice(_ways(trace.start, 1), _MOST_LINES)
    more = line_count(trace.start) - _MOST_LINES
    if more > 0:
        yield Line(f"{_STEP}… and {more:,} more lines")
    yield BLANK
    yield from wrapped(summary(trace), Role.SUMMARY if trace.queues else Role.FAILURE)


def line_count(start: ExchangeVisit) -> int:
    """How many lines tell the ways on from here. There may be too many to make them all."""
    counted: dict[int, int] = {}

    def count(visit: ExchangeVisit) -> int:
        if id(visit) not in counted:
            counted[id(visit)] = sum(map(of_way, visit.ways)) if visit.ways else int(visit.is_known)
        return counted[id(visit)]

    def of_way(way: Way) -> int:
        match way.to:
            case None:
                return 1
            case ExchangeVisit() as exchange:
                return 1 + count(exchange)
            case QueueVisit() as queue:
                return 1 + sum(1 + (0 if one.to is None else count(one.to)) for one in queue.leaving)

    return count(start)


def summary(trace: Trace) -> str:
    """`Reaches acme.crm and system.sqs.`"""
    reached = f"Reaches {_names(trace.queues)}."
    if trace.unknown:
        names = ", ".join(map(shown, sorted(trace.unknown)))
        reached += f" What {names} passes on cannot be known."
    if not trace.is_whole:
        return f"{reached} There are too many ways on to follow them all."
    return reached + _in_the_end(trace)


def _in_the_end(trace: Trace) -> str:
    """Nothing where it stays in the queues that it has reached."""
    refusing = frozenset(queue.name for queue in queues_of(trace.start) if _refuses(queue))
    if refusing == trace.queues and refusing and not trace.ends:
        return " In the end it is refused: the publisher gets a nack."
    if trace.ends == trace.queues or (trace.unknown and not trace.ends):
        return ""
    end = f"in {_names(trace.ends)}" if trace.ends else "dropped"
    refused = f", and refused by {_names(refusing)}" if refusing else ""
    return f" In the end it is {end}{refused}."


def _refuses(queue: QueueVisit) -> bool:
    return any(leaving.end is End.REFUSED for leaving in queue.leaving)


def _names(names: frozenset[str]) -> str:
    return ", ".join(map(shown, sorted(names))) or "nothing"


def _exchange(visit: ExchangeVisit) -> str:
    name = shown_exchange(visit.name)
    key = f"key {shown(visit.routing_key)}" if visit.routing_key else "the empty key"
    also = f", also {', '.join(map(shown, visit.copies))}" if visit.copies else ""
    kind = "does not exist" if visit.type is None else shown(visit.type)
    why = "asks for headers that RabbitMQ sets by its version" if visit.type == "headers" else "unknown type"
    unknown = "" if visit.is_known else f", {why}: where it goes cannot be known"
    return f"exchange {name} ({kind}{unknown}), {key}{also}"


def _ways(visit: ExchangeVisit, depth: int, kept_in: str | None = None) -> Iterator[Line]:
    """The ways on; `kept_in` is the queue that keeps it, as all of them lead nowhere."""
    indent = _STEP * depth
    if not visit.ways and visit.is_known:
        why = "nothing is bound for it: " if visit.type is not None else ""
        yield Line(f"{indent}{why}{_gone(kept_in)}", Role.HAZARD)
    for way in visit.ways:
        yield from _way(way, depth, kept_in)


def _gone(kept_in: str | None) -> str:
    return "it is dropped" if kept_in is None else f"it stays in queue {shown(kept_in)} until there is a way"


def _way(way: Way, depth: int, kept_in: str | None) -> Iterator[Line]:
    indent = _STEP * depth
    by = "not routed" if way.binding is None else f"[{shown(way.binding.routing_key)}]{_arguments(way)}"
    match way.to:
        case None:
            yield Line(f"{indent}{by} -> exchange {shown(way.name)}, which has it already")
        case ExchangeVisit() as exchange:
            yield Line(f"{indent}{by} -> {_exchange(exchange)}")
            yield from _ways(exchange, depth + 1, kept_in)
        case QueueVisit() as queue:
            yield Line(f"{indent}{by} -> queue {shown(queue.name)}{_end(queue, kept_in)}")
            for leaving in queue.leaving:
                yield from _leaving(queue.name, leaving, depth + 1)


def _arguments(way: Way) -> str:
    table = way.binding.arguments.to_dict() if way.binding is not None else {}
    return f" {', '.join(f'{shown(name)}={shown(str(value))}' for name, value in table.items())}" if table else ""


def _end(queue: QueueVisit, kept_in: str | None) -> str:
    if queue.is_anothers:
        return " (a connection's own, or named by the server)"
    if not queue.is_declared:
        return " (not declared here)"
    match queue.end:
        case End.BACK:
            return ": back again"
        case End.CYCLE:
            so = "RabbitMQ drops it" if kept_in is None else _gone(kept_in)
            return f": it has been here before and was not rejected since, so {so}"
        case _:
            return ""


def _leaving(queue: str, leaving: Leaving, depth: int) -> Iterator[Line]:
    indent = _STEP * depth
    when = f"expires after {duration(leaving.delay)}" if leaving.delay is not None else _HOW[leaving.fate]
    if leaving.to is not None:
        yield Line(f"{indent}{when} -> {_exchange(leaving.to)}")
        yield from _ways(leaving.to, depth + 1, queue if leaving.end is End.KEPT else None)
    elif leaving.end is End.REFUSED:
        yield Line(f"{indent}{when}: it is refused, the publisher gets a nack", Role.HAZARD)
    elif leaving.end is End.UNTOLD:
        yield Line(f"{indent}{when}: where it goes is not followed")
    else:
        yield Line(f"{indent}{when}: it is dropped, there is no dead-letter exchange", Role.HAZARD)


_HOW = {Fate.REJECTED: "rejected", Fate.EXPIRED: "expires", Fate.OVERFLOWED: "pushed out of the full queue"}
