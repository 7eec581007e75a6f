"""What goes on in the queues, as text: what needs attention first, at 80 columns and without colour."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeVar

from proca_topo.plan.status import (
    CircuitStatus,
    Counts,
    ExchangeStatus,
    QueueStatus,
    ReplacementStatus,
    State,
    Status,
)
from proca_topo.render.lines import BLANK, Line, Role, as_text, wrapped
from proca_topo.render.objects import duration
from proca_topo.render.plan_text import target
from proca_topo.topology.names import one_line, shown

T = TypeVar("T")

_ROWS: Final = 20
"""Rows of a section that are shown where not everything is asked for."""
_NAMES: Final = 3
_QUEUES_HEAD: Final = "     ready  unacked  consumers  queue"
_ORGS_HEAD: Final = "     ready  unacked  consumers  waiting  org"


def status_text(status: Status, *, everything: bool = False) -> str:
    """All that has something to tell, or everything."""
    return as_text(status_lines(status, everything=everything))


def status_lines(status: Status, *, everything: bool = False) -> list[Line]:
    """Totals, then what needs attention: each section has no more than a screenful, or `everything`."""
    limit = None if everything else _ROWS
    lines = [*_header(status)]
    lines += _section("Replacements under way", status.replacements, _replacement, limit)
    lines += _section("Replacements of exchanges under way", status.exchanges, _exchange, limit)
    lines += _table("Messages and no consumer", _in(status, State.UNATTENDED), Role.FAILURE, limit)
    lines += _section("No longer in the spec", _in(status, State.LEAVING), _leaving, limit, head=_QUEUES_HEAD)
    waiting = [one for one in status.circuits if everything or one.activity.messages]
    lines += _section("Waiting to come back", waiting, _circuit, limit)
    lines += _table("At work", _in(status, State.BUSY), Role.PLAIN, limit)
    if everything:
        lines += _table("Idle", _in(status, State.IDLE), Role.PLAIN, limit)
    orgs = [one for one in status.by_org.items() if everything or _messages(one[1])]
    orgs.sort(key=lambda one: -_messages(one[1]))
    lines += _section("By org", orgs, _org, limit, head=_ORGS_HEAD)
    empty = len(_in(status, State.IDLE))
    empty += sum(not queue.activity.messages for queue in _in(status, State.WAITING))
    if empty and not everything:
        lines += [
            BLANK,
            Line(f"{_count(empty, 'queue is', 'queues are')} empty and in the spec; --all lists them."),
        ]
    return lines


def _header(status: Status) -> Iterator[Line]:
    yield Line(f"Status of {target(status)}", Role.HEADING)
    if status.orgs:
        yield from wrapped(
            f"Only {'org' if len(status.orgs) == 1 else 'orgs'} {', '.join(map(shown, status.orgs))}"
        )
    counts = status.counts
    consumers = "consumers are not known" if counts.consumers is None else _count(counts.consumers, "consumer")
    yield from wrapped(
        f"{_count(counts.queues, 'queue')}: {_count(counts.ready, 'message')} ready,"
        f" {counts.unacknowledged:,} unacknowledged, {consumers}",
        Role.SUMMARY,
    )
    if counts.waiting:
        yield Line(f"{_count(counts.waiting, 'message waits', 'messages wait')} in retry circuits")
    if status.held:
        yield Line(f"{_count(status.held, 'message is', 'messages are')} held by replacements under way")
    if status.absent:
        missing = _count(len(status.absent), "queue of the spec is", "queues of the spec are")
        text = f"{missing} not there: {_names(status.absent)}"
        yield from wrapped(f"{text}; plan tells more", Role.HAZARD)


def _in(status: Status, state: State) -> Sequence[QueueStatus]:
    return [queue for queue in status.queues if queue.state is state]


def _table(title: str, queues: Sequence[QueueStatus], role: Role, limit: int | None) -> Iterator[Line]:
    yield from _section(title, queues, lambda queue: (Line(_row(queue), role),), limit, head=_QUEUES_HEAD)


def _section(
    title: str,
    items: Sequence[T],
    lines_of: Callable[[T], Iterable[Line]],
    limit: int | None,
    *,
    head: str | None = None,
) -> Iterator[Line]:
    if not items:
        return
    yield BLANK
    yield Line(title, Role.HEADING)
    if head is not None:
        yield Line(head)
    for item in items[:limit]:
        yield from lines_of(item)
    if limit is not None and len(items) > limit:
        yield Line(f"  … and {len(items) - limit:,} more: --all lists them")


def _row(queue: QueueStatus) -> str:
    activity = queue.activity
    ready = f"{activity.ready:,}" if activity.counted else "?"
    return f"{ready:>10} {activity.unacknowledged:>8,} {_consumers(activity.consumers):>10}  {shown(queue.name)}"


def _leaving(queue: QueueStatus) -> Iterator[Line]:
    yield Line(_row(queue), Role.RETIRE)
    waits = (
        "nothing keeps it: apply --prune deletes it" if queue.waits_for is None else f"waits: {queue.waits_for}"
    )
    yield from wrapped(waits, Role.DETAIL, indent=12)
    if queue.routes and queue.waits_for is not None:
        bindings = _count(queue.routes, "binding still brings", "bindings still bring")
        yield from wrapped(f"{bindings} it messages: apply --prune unbinds it", Role.DETAIL, indent=12)


def _replacement(one: ReplacementStatus) -> Iterator[Line]:
    found = one.found
    was, becomes = found.replaced.was.name, found.replaced.becomes
    yield Line(f"  {shown(was)}{f' -> {shown(becomes)}' if becomes != was else ''}", Role.REPLACE)
    counts = ((found.parked, "that were in it"), (found.arriving, "that came since"))
    parts = ", ".join(f"{count:,} {what}" for count, what in counts if count)
    text = f"holds {_count(found.messages, 'message')}" + (f" ({parts})" if parts else "")
    gone = "; the old queue is gone" if found.old_is_gone else ""
    what = "apply finishes it" if one.held_back is None else f"held back: {one_line(one.held_back)}"
    yield from wrapped(f"{text}{gone}; {what}", Role.DETAIL, indent=6)


def _exchange(one: ExchangeStatus) -> Iterator[Line]:
    found = one.found
    was, becomes = found.replaced.was, found.replaced.becomes
    yield Line(f"  {shown(was.name)} ({shown(was.type)} -> {shown(becomes.type)})", Role.REPLACE)
    gone = "it does not exist at the moment, and publishers see that"
    text = gone if found.there is None else "messages find their way all the while"
    yield from wrapped(f"{text}; apply finishes it", Role.DETAIL, indent=6)


def _circuit(one: CircuitStatus) -> Iterator[Line]:
    delay = one.delay_milliseconds
    when = "when they are back is not known" if delay is None else f"back within {duration(delay)}"
    yield Line(f"{one.activity.messages:>10,} in {shown(one.queue)}, {when}", Role.HAZARD)
    yield from wrapped(f"to {_names(one.returns_to)}", Role.DETAIL, indent=12)


def _org(one: tuple[str | None, Counts]) -> Iterator[Line]:
    org, counts = one
    name = "(shared)" if org is None else shown(org)
    numbers = f"{counts.ready:>10,} {counts.unacknowledged:>8,} {_consumers(counts.consumers):>10}"
    yield Line(f"{numbers} {counts.waiting:>8,}  {name}")


def _messages(counts: Counts) -> int:
    return counts.ready + counts.unacknowledged + counts.waiting


def _consumers(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"


def _names(names: Sequence[str]) -> str:
    listed = ", ".join(shown(name) for name in names[:_NAMES])
    return listed if len(names) <= _NAMES else f"{listed} and {len(names) - _NAMES:,} more"


def _count(number: int, one: str, more: str | None = None) -> str:
    return f"{number:,} {one if number == 1 else more or one + 's'}"
