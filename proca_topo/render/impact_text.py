"""What a change does to messages, in sentences."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

from proca_topo.plan.impact.facts import Impact, Leaving, LeavingImpact, RouteImpact
from proca_topo.topology.names import shown

_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Sentence:
    """One thing that happens. `cuts_off` says that messages which reached a queue reach none any more."""

    text: str
    cuts_off: bool = False


def impact_sentences(impact: Impact, *, is_held_back: bool) -> Iterator[Sentence]:
    """A sentence for each thing that happens, however many messages it happens to: the worst comes first.

    Of a change that is held back they tell what would happen.
    """
    for sentence in _sentences(impact):
        when = "if let through" if is_held_back else "after this" if sentence.cuts_off else ""
        yield replace(sentence, text=f"{when}, {sentence.text}") if when else sentence


def _sentences(impact: Impact) -> Iterator[Sentence]:
    if impact.unknown_type is not None:
        kind = shown(impact.unknown_type)
        yield Sentence(f"which messages an exchange of type {kind} passes on cannot be known")
    alike: dict[tuple[bool, tuple[str, ...], tuple[str, ...]], list[RouteImpact]] = defaultdict(list)
    for route in impact.routes:
        alike[not _is_cut_off(route, impact), route.lost, route.gained].append(route)
    for group in sorted(alike, key=lambda group: group[0]):
        yield _of_routes(alike[group], impact)
    if impact.route_count > len(impact.routes):
        yield Sentence(f"and so on: {impact.route_count} keys in all go another way")
    for leaving in impact.leaving[:_NAMED]:
        yield _of_leaving(leaving)
    if impact.leaving_count > _NAMED:
        yield Sentence(f"and so on: the same of {impact.leaving_count} in all")


def _is_cut_off(route: RouteImpact, impact: Impact) -> bool:
    return not route.after and not impact.is_partial


def _of_routes(alike: Sequence[RouteImpact], impact: Impact) -> Sentence:
    first, messages = alike[0], _messages(alike)
    one = len(alike) == 1
    if _is_cut_off(first, impact):
        reach = "reaches" if one else "reach"
        return Sentence(f"{messages} {reach} nothing (was: {_names(first.before)})", cuts_off=True)
    if not first.lost:
        alone = all(not route.before for route in alike) and not impact.is_partial
        before = ", which reached nothing" if alone else ""
        return Sentence(f"adds {_names(first.gained)} to {messages}{before}")
    if not first.gained:
        return Sentence(f"takes {_names(first.lost)} from {messages}")
    go = "goes" if one else "go"
    return Sentence(f"{messages} {go} to {_names(first.gained)} instead of {_names(first.lost)}")


def _of_leaving(impact: LeavingImpact) -> Sentence:
    match impact.leaving:
        case Leaving.DEAD_LETTERS:
            what, dropped = f"what {shown(impact.name)} rejects or lets expire", "is dropped"
        case Leaving.UNROUTED:
            what, dropped = f"what {shown(impact.name)} cannot route", "is dropped, or returned if it is mandatory"
        case _:
            assert_never(impact.leaving)
    becomes = f"goes to {_names(impact.after)}" if impact.after else dropped
    return Sentence(f"{what} {becomes} (was: {_names(impact.before)})", cuts_off=not impact.after)


def _messages(routes: Sequence[RouteImpact]) -> str:
    """`acme.custom.action`, or `4 keys (acme.custom.action, acme.custom.supporter, …)`."""
    texts = [_message(route) for route in routes]
    return (
        texts[0]
        if len(texts) == 1
        else _listed(texts, "keys" if routes[0].key is not None else "kinds of messages")
    )


def _message(route: RouteImpact) -> str:
    if route.key is not None:
        return shown(route.key) if route.key else "the empty key"
    if not route.looks_at_headers:
        return "every message"
    return f"what has only the headers {_headers(route.headers)}" if route.headers else "what has no headers"


def _headers(headers: Mapping[str, Any]) -> str:
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in headers.items()}
    return ", ".join(f"{shown(name)}={shown(text)}" for name, text in texts.items())


def _names(names: Sequence[str]) -> str:
    texts = [shown(name) for name in names]
    if not texts:
        return "nothing"
    return ", ".join(texts) if len(texts) <= _NAMED else _listed(texts, "queues")


def _listed(texts: Sequence[str], what: str) -> str:
    more = ", and so on" if len(texts) > _NAMED else ""
    return f"{len(texts)} {what} ({', '.join(texts[:_NAMED])}{more})"
