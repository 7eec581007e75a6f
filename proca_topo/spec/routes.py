"""Route contracts: read, checked against what they name, and expanded for each org."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from proca_topo.spec.context import Context
from proca_topo.spec.filling import Values, arguments_filler
from proca_topo.spec.orgs import Org
from proca_topo.spec.parts import ReachedDoc, RouteDoc
from proca_topo.spec.placeholders import names_in, wrong_with
from proca_topo.spec.problems import Problem, Where, nearest, places
from proca_topo.spec.sections import Needs, Route, are_met
from proca_topo.topology.arguments import NO_ARGUMENTS, Arguments
from proca_topo.topology.names import MAX_NAME_BYTES, shown
from proca_topo.topology.nouns import Kind, is_reserved
from proca_topo.topology.route_contracts import After, RouteContract
from proca_topo.topology.routing.built_in import BUILT_IN_EXCHANGES
from proca_topo.topology.routing.matching import Message
from proca_topo.topology.routing.routes import DEFAULT_EXCHANGE

_ELSEWHERE: Final = "; what is an org's is tested in the org template, or in that org's own file"


def add_route(context: Context, doc: RouteDoc, where: Where) -> None:
    """Add a contract to the context's section, and note what is wrong with it.

    Everything that it may name must be in the sections already.
    """
    inside = where.at("publish")
    needs = context.needs(doc.when, where.at("when"))
    exchange = context.short_text(doc.publish.exchange, inside.at("exchange"), "this name")
    if wrong_with(doc.publish.exchange, context.placeholders) is None:
        _check_exchange(context, exchange, inside.at("exchange"), needs)
    for header in Message(routing_key="", headers=doc.publish.headers).copies_refused:
        text = f"RabbitMQ takes {header} as a list of routing keys only; write a list"
        context.problem(inside.at("headers", header), text)
    reaches: dict[str, Needs] = {}
    for index, reached in enumerate(doc.reaches):
        _add_reached(context, reached, where.at("reaches", index), reaches)
    context.section.routes.append(
        Route(
            exchange=exchange,
            routing_key=context.short_text(doc.publish.key, inside.at("key"), "this routing key"),
            headers=Arguments.of(context.table(doc.publish.headers, inside.at("headers"))),
            reaches=tuple(reaches.items()),
            after=None if doc.after is None else After(doc.after),
            name=None if doc.name is None else context.text(doc.name, where.at("name")),
            where=where,
            needs=needs,
        )
    )
    if context.in_template and not _differs_by_org(doc):
        context.problem(
            where,
            "this contract would be the same for every org; put {org} into its key, "
            "or write it outside the org template",
            depends=True,
        )


def _check_exchange(context: Context, name: str, where: Where, needs: Needs) -> None:
    if name == DEFAULT_EXCHANGE or name in BUILT_IN_EXCHANGES:
        return
    declared = context.exchange_named(name)
    if declared is None:
        known = BUILT_IN_EXCHANGES if is_reserved(name) else context.known_names(Kind.EXCHANGE)
        advice = nearest(name, known, _ELSEWHERE)
        context.problem(where, f"no exchange {shown(name)} is declared here{advice}", depends=True)
        return
    if declared.noun.internal:
        text = f"exchange {shown(name)} is internal, so nobody can publish to it; name another one"
        context.problem(where, text, declared.where, "it is declared at")
    used = f"exchange {shown(name)}"
    context.leans_on(needs, declared.needs, where, user="the contract", used=used, used_at=declared.where)


def _add_reached(context: Context, doc: ReachedDoc, where: Where, reaches: dict[str, Needs]) -> None:
    name = context.text(doc.queue, where)
    needs = context.needs(doc.when, where.at("when"))
    if wrong_with(doc.queue, context.placeholders) is not None:
        return  # said already
    if name in reaches:
        text = f"queue {shown(name)} is here twice; keep one"
        if reaches[name] != needs:
            text += ", and let `when` list the options any of which lets the message through"
        context.problem(where, text)
    elif context.queue_named(name) is None:
        known = context.known_names(Kind.QUEUE)
        advice = nearest(name, known, _ELSEWHERE)
        context.problem(where, f"no queue {shown(name)} is declared here{advice}", depends=True)
    reaches[name] = needs


def _differs_by_org(doc: RouteDoc) -> bool:
    headers = Arguments.of(doc.publish.headers).canonical if doc.publish.headers else ""
    texts = (doc.publish.exchange, doc.publish.key, *(reached.queue for reached in doc.reaches))
    return any(names_in(text) for text in texts) or "{" in headers[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgRoute:
    """A contract of the template or of an org's own file (where nothing is left to fill in), for that org."""

    route: Route
    org: Org


def contracts(
    shared: Iterable[Route],
    of_orgs: Iterable[OrgRoute],
    text_of: Callable[[str], str | None],
    problems: list[Problem],
) -> tuple[RouteContract, ...]:
    """The contracts that hold with what the orgs have switched on, each with its place.

    `text_of` gives a file's text again. Keys that an org's name makes too long are added to `problems`.
    """
    chosen = [*((route, None) for route in shared), *_switched_on(of_orgs)]
    wheres = list(dict.fromkeys(route.where for route, _ in chosen))
    place_of = dict(zip(wheres, places(wheres, text_of), strict=True))
    return tuple(_contract(route, org, place_of[route.where], problems) for route, org in chosen)


def _switched_on(routes: Iterable[OrgRoute]) -> Iterator[tuple[Route, Org | None]]:
    for one in routes:
        if not one.route.needs or are_met(one.route.needs, one.org.switched_on):
            yield one.route, one.org


def _contract(route: Route, org: Org | None, place: str, problems: list[Problem]) -> RouteContract:
    if org is None or route.where.file == org.file:
        key, exchange, headers, name = route.routing_key, route.exchange, route.headers, route.name
        reaches = frozenset(queue for queue, needs in route.reaches if _reached(needs, org))
    else:
        values = org.values
        key, exchange = route.routing_key.format_map(values), route.exchange.format_map(values)
        headers = _headers_filler(route.headers)(Values(values)) if route.headers else NO_ARGUMENTS
        name = None if route.name is None else route.name.format_map(values)
        reaches = frozenset(queue.format_map(values) for queue, needs in route.reaches if _reached(needs, org))
        if len(key) > MAX_NAME_BYTES // 4 and (size := len(key.encode())) > MAX_NAME_BYTES:
            limit = f"RabbitMQ takes at most {MAX_NAME_BYTES} (PT010)"
            text = f"the routing key {shown(key)} is {size} bytes long; {limit}"
            problems.append(Problem(where=Where(file=org.file), text=text, other=route.where, other_is="made at"))
    return RouteContract(
        exchange=exchange,
        message=Message(routing_key=key, headers=headers.to_dict()),
        reaches=reaches,
        place=place,
        after=route.after,
        name=name,
        org=None if org is None else org.name,
    )


def _reached(needs: Needs, org: Org | None) -> bool:
    return not needs or (org is not None and are_met(needs, org.switched_on))


@lru_cache(maxsize=256)
def _headers_filler(headers: Arguments) -> Callable[[Values], Arguments]:
    return arguments_filler(headers)
