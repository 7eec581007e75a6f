"""Reading a part of a vhost through the management API, at a cost that grows with the part."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from proca_topo.broker.http.client import ManagementApi, is_addressable, path_of
from proca_topo.broker.http.properties_key import ends_path, has_path, properties_key
from proca_topo.broker.reading.facts import vhost_facts
from proca_topo.broker.reading.listing import (
    bindings_from,
    find_queue_or_down,
    hides_queues,
    is_left_out,
    list_bindings,
    list_policies,
    read_all,
)
from proca_topo.broker.reading.matching import names_matching, policies_matching
from proca_topo.broker.wire import Json, activity_from, exchange_from, has_counts, policy_from, queue_from
from proca_topo.topology.exchange_holding import ExchangeHolding
from proca_topo.topology.existing import Activity, Existing, Scope
from proca_topo.topology.holding import Holding
from proca_topo.topology.nouns import Binding, DestinationType, Exchange, Policy, Queue
from proca_topo.topology.policy_patterns import compiled

# One request takes about a millisecond, listing 15,000 queues and 20,000 bindings two seconds.
_READ_ALL_FROM: Final = 1_500


@dataclass(kw_only=True)
class _Found:
    queues: dict[str, Queue] = field(default_factory=dict)
    exchanges: dict[str, Exchange] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    bindings: dict[Binding, tuple[str, ...]] = field(default_factory=dict)
    activity: dict[str, Activity] = field(default_factory=dict)
    policy_names: set[str] = field(default_factory=set)
    exclusive: set[str] = field(default_factory=set)
    hides_policies: bool = False


def read_scope(api: ManagementApi, vhost: str, scope: Scope, pool: ThreadPoolExecutor) -> Existing:
    """What the scope asks for, and the policies that apply to it. Only the `name_patterns` need a listing.

    The counts of messages are of this moment, except on RabbitMQ 3.10, where a single queue's are up to 7 s old
    (and all policies are listed, because the queue does not tell at once which applies).
    """
    if _size(scope) > _READ_ALL_FROM or not is_addressable(*_names(scope)):
        return read_all(api, vhost, pool)
    facts = vhost_facts(api, vhost)
    if hides_queues(api, facts):
        return read_all(api, vhost, pool, facts)
    matching = {
        kind: names_matching(api, vhost, kind, scope.name_patterns, pool) for kind in ("queues", "exchanges")
    }
    # A replacement that was interrupted left its messages and bindings under names of our own.
    holdings = [Holding.of(name) for name in scope.queues]
    queues = scope.queues | matching["queues"] | {n for one in holdings for n in (one.parked, one.arriving)}
    exchanges = scope.exchanges | matching["exchanges"] | {n for one in holdings for n in (one.parked, one.back)}
    exchanges |= {ExchangeHolding.of(name).shadow for name in scope.exchanges}
    policies = scope.policies | {policy.name for policy in scope.reference_policies}
    found = _Found()
    bindings = scope.bindings | scope.reference_bindings
    elsewhere = {binding for binding in bindings if binding.destination not in queues | exchanges}
    simple = {binding for binding in elsewhere if _key_to_ask_for(binding) is not None}

    def side_by_side(*tasks: tuple[Callable[..., None], Iterable[object]]) -> None:
        started = [pool.submit(task, api, vhost, name, found) for task, names in tasks for name in names]
        for one in started:
            one.result()

    side_by_side(
        (_read_queue, queues | scope.reference_queues),
        (_read_exchange, exchanges | scope.reference_exchanges),
        (_read_policy, policies | policies_matching(api, vhost, scope)),
        (_read_binding, simple),
        (_read_bindings_between, _by_ends(elsewhere - simple).values()),
    )
    # Only what is there can be bound; most names of a scope are of another kind, or of options that are off.
    side_by_side(
        (_read_bindings_to_queue, queues & (found.queues.keys() | found.exclusive)),
        (_read_bindings_of_exchange, exchanges & found.exchanges.keys()),
    )
    _read_noted_policies(api, vhost, found, pool)
    _read_circuits(api, vhost, queues, found, pool)
    _read_noted_policies(api, vhost, found, pool)
    return Existing(
        broker=facts.broker,
        vhost=vhost,
        default_queue_type=facts.default_queue_type,
        exchanges=found.exchanges,
        queues=found.queues,
        bindings=found.bindings,
        policies=found.policies,
        activity=found.activity,
        exclusive=frozenset(found.exclusive),
        exchange_types=facts.exchange_types,
    )


def find_exchange(api: ManagementApi, vhost: str, name: str) -> Json | None:
    """An exchange's entry."""
    return api.find(f"{path_of('exchanges', vhost, name)}?disable_stats=true")


def _size(scope: Scope) -> int:
    return sum(1 for _ in _names(scope)) + len(scope.bindings)


def _names(scope: Scope) -> Iterator[str]:
    yield from scope.queues
    yield from scope.exchanges
    yield from scope.policies
    yield from scope.reference_queues
    yield from scope.reference_exchanges
    for binding in scope.bindings:
        yield binding.source
        yield binding.destination


def _read_queue(api: ManagementApi, vhost: str, name: str, found: _Found) -> None:
    entry = find_queue_or_down(api, vhost, name)
    if entry is None:
        return
    if is_left_out(entry):
        found.exclusive.add(name)
        return
    counted: Json | None = entry
    if not has_counts(entry):
        # RabbitMQ 3.10 tells a single queue's counts and policy only with its statistics, and too late.
        found.hides_policies = True
        counted = api.find(path_of("queues", vhost, name))
    found.queues[name] = queue_from(entry)
    found.activity[name] = activity_from(counted or {})
    _note_policy(counted or entry, found)


def _read_exchange(api: ManagementApi, vhost: str, name: str, found: _Found) -> None:
    entry = find_exchange(api, vhost, name)
    if entry is not None:
        found.exchanges[name] = exchange_from(entry)
        _note_policy(entry, found)


def _read_policy(api: ManagementApi, vhost: str, name: str, found: _Found) -> None:
    entry = api.find(path_of("policies", vhost, name))
    if entry is not None:
        found.policies[name] = policy_from(entry)


def _read_noted_policies(api: ManagementApi, vhost: str, found: _Found, pool: ThreadPoolExecutor) -> None:
    """Read the policies that apply to what was read so far."""
    if found.hides_policies:
        listed = list_policies(api, vhost).values()
        names = (*found.queues, *found.exchanges)
        found.policies.update({policy.name: policy for policy in listed if _may_apply(policy, names)})
    unread = found.policy_names - found.policies.keys()
    for task in [pool.submit(_read_policy, api, vhost, name, found) for name in unread]:
        task.result()


def _may_apply(policy: Policy, names: Iterable[str]) -> bool:
    pattern = compiled(policy.pattern)
    return any(pattern.may_match(name) for name in names)


def _read_bindings_to_queue(api: ManagementApi, vhost: str, name: str, found: _Found) -> None:
    found.bindings.update(list_bindings(api, f"{path_of('queues', vhost, name)}/bindings"))


def _read_bindings_of_exchange(api: ManagementApi, vhost: str, name: str, found: _Found) -> None:
    # What it is the source of matters too: another's queue on it would go without messages if it were deleted.
    for end in ("source", "destination"):
        found.bindings.update(list_bindings(api, f"{path_of('exchanges', vhost, name)}/bindings/{end}"))


def _read_circuits(
    api: ManagementApi, vhost: str, queues: Iterable[str], found: _Found, pool: ThreadPoolExecutor
) -> None:
    """Read what the dead letters of these queues go through before they come back: it may be in no spec any more.

    Downstream from their dead-letter exchanges to the queues behind them; upstream from the exchanges that they
    are bound to, since dead letters may come back through more than one. A shared return exchange has a binding
    for every queue of every org, so what it is the source of is not asked for.
    """
    by_policy = {policy.definition.get("dead-letter-exchange") for policy in found.policies.values()}
    by_argument = {found.queues[name].dead_letter_exchange for name in queues if name in found.queues}
    downstream = {name for name in by_argument | by_policy if isinstance(name, str) and name}
    if not downstream:
        return
    upstream = {binding.source for binding in found.bindings if binding.destination in queues}
    for end, ahead, frontier in (
        ("source", "destination", downstream),
        ("destination", "source", upstream),
    ):
        seen: set[str] = set()
        todo = {name for name in frontier if is_addressable(name)}
        while todo:
            seen |= todo
            paths = [f"{path_of('exchanges', vhost, name)}/bindings/{end}" for name in sorted(todo)]
            todo = set()
            for bindings in pool.map(lambda path: list_bindings(api, path), paths):
                found.bindings.update(bindings)
                todo |= {
                    getattr(binding, ahead)
                    for binding in bindings
                    if binding.destination_type is DestinationType.EXCHANGE
                } - seen
    behind = {
        binding.destination
        for binding in found.bindings
        if binding.destination_type is DestinationType.QUEUE and binding.destination not in found.queues
    }
    tasks = [pool.submit(_read_queue, api, vhost, name, found) for name in behind if is_addressable(name)]
    unread = filter(is_addressable, downstream - found.exchanges.keys())
    tasks += [pool.submit(_read_exchange, api, vhost, name, found) for name in unread]
    for task in tasks:
        task.result()


def _read_binding(api: ManagementApi, vhost: str, binding: Binding, found: _Found) -> None:
    entry = api.find(f"{ends_path(vhost, binding)}{path_of(properties_key(binding) or '')}")
    if entry is not None:
        found.bindings.update(bindings_from([entry]))


def _read_bindings_between(api: ManagementApi, vhost: str, wanted: set[Binding], found: _Found) -> None:
    there = list_bindings(api, ends_path(vhost, next(iter(wanted))))
    found.bindings.update({binding: keys for binding, keys in there.items() if binding in wanted})


def _key_to_ask_for(binding: Binding) -> str | None:
    key = properties_key(binding)
    return key if key is not None and has_path(binding, key) else None


def _by_ends(bindings: Iterable[Binding]) -> Mapping[tuple[str, str, str], set[Binding]]:
    grouped: dict[tuple[str, str, str], set[Binding]] = {}
    for binding in bindings:
        ends = (binding.source, binding.destination_type, binding.destination)
        grouped.setdefault(ends, set()).add(binding)
    return grouped


def _note_policy(entry: Json, found: _Found) -> None:
    policy = entry.get("policy")
    if isinstance(policy, str) and policy:
        found.policy_names.add(policy)
