"""What became of the route contracts, as text: each that is not kept, then the count."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from proca_topo.contracts.verdicts import State, Verdict
from proca_topo.render.lines import BLANK, Line, Role, of_two_parts, wrapped
from proca_topo.topology.existing import BrokerIdentity
from proca_topo.topology.names import shown
from proca_topo.topology.route_contracts import After, RouteContract

_ORGS: Final = 3
"""A contract of the template that is broken alike for many orgs is shown for so many of them."""
_AFTER: Final = {After.REJECTED: ", rejected", After.EXPIRED: ", expired"}


def verdict_lines(verdicts: Sequence[Verdict], broker: BrokerIdentity | None = None) -> Iterator[Line]:
    """All that is not kept, by the place of its contract, and how many there are. `broker` is what was asked."""
    by_place: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.state is not State.KEPT:
            by_place.setdefault(verdict.contract.place, []).append(verdict)
    for alike in by_place.values():
        for verdict in alike[:_ORGS]:
            yield from _broken(verdict)
            yield BLANK
        if len(alike) > _ORGS:
            orgs = _names(verdict.contract.org or "" for verdict in alike[_ORGS:])
            yield from wrapped(f"… and the same contract for {orgs}", Role.FAILURE)
            yield BLANK
    yield from _summary(verdicts, broker)


def message_text(contract: RouteContract) -> str:
    """`confirm <- acme.custom.action, rejected`: what is published, and what happens to it."""
    headers = contract.message.headers
    with_headers = f" with {', '.join(f'{k}={v}' for k, v in headers.items())}" if headers else ""
    exchange = contract.exchange or "the default exchange"
    after = "" if contract.after is None else _AFTER[contract.after]
    return f"{shown(exchange)} <- {shown(contract.message.routing_key + with_headers)}{after}"


def reason(verdict: Verdict) -> str:
    """What is wrong, in one line: `missing acme.crm; too many: system.sqs`."""
    if verdict.outcome.doubts:
        return "; ".join(sorted(verdict.outcome.doubts))
    parts = (("missing", verdict.missing), ("too many", verdict.unexpected))
    return "; ".join(f"{what}: {queues_text(queues)}" for what, queues in parts if queues)


def queues_text(queues: Iterable[str]) -> str:
    """`acme.crm, system.sqs`, or `nothing`."""
    return ", ".join(shown(queue) for queue in sorted(queues)) or "nothing"


def _broken(verdict: Verdict) -> Iterator[Line]:
    contract = verdict.contract
    yield Line(f"{verdict.state.capitalize()}: {message_text(contract)}", Role.FAILURE)
    of = "" if contract.org is None else f", org {shown(contract.org)}"
    called = "" if contract.name is None else f' "{shown(contract.name)}"'
    yield Line(f"    contract  {shown(contract.place)}{of}{called}")
    yield from _list("promised", contract.reaches)
    if verdict.outcome.doubts:
        for doubt in sorted(verdict.outcome.doubts):
            yield from wrapped(f"{doubt}; test --live asks a broker", Role.HAZARD, indent=4)
        return
    yield from _list("reaches", verdict.outcome.queues)
    if verdict.missing:
        yield from _list("missing", verdict.missing, Role.DELETE)
    if verdict.unexpected:
        yield from _list("too many", verdict.unexpected, Role.DECLARE)


def _list(label: str, queues: Iterable[str], role: Role = Role.PLAIN) -> Iterator[Line]:
    yield from wrapped(queues_text(queues), role, indent=4, label=f"{label:<10}")


def _summary(verdicts: Sequence[Verdict], broker: BrokerIdentity | None) -> Iterator[Line]:
    if not verdicts:
        yield Line("There are no route contracts; docs/testing.md says how to write them.", Role.SUMMARY)
        return
    where = "by the spec alone" if broker is None else f"on RabbitMQ {broker.version}"
    orgs = {verdict.contract.org for verdict in verdicts} - {None}
    of = f", of what is shared and of {_counted(len(orgs), 'org')}" if orgs else ""
    counts = {state: sum(verdict.state is state for verdict in verdicts) for state in State}
    told = ", ".join(f"{counts[state]:,} {state.value}" for state in State if counts[state] or state is State.KEPT)
    what = f"{_counted(len(verdicts), 'route contract')}{of}, {where}"
    yield from of_two_parts(what, f"{told}.", Role.SUMMARY)


def _names(names: Iterable[str]) -> str:
    all_names = sorted(names)
    listed = ", ".join(shown(name) for name in all_names[:_ORGS])
    more = len(all_names) - _ORGS
    return f"{listed} and {_counted(more, 'more org')}" if more > 0 else listed


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
