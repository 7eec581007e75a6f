"""Which part of a vhost an org can live in."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from proca_topo.spec.expansion import Expander
from proca_topo.spec.orgs import Org
from proca_topo.spec.owned import Owned
from proca_topo.spec.sections import Section
from proca_topo.topology.exchange_holding import ALTERNATE
from proca_topo.topology.existing import Scope, is_others
from proca_topo.topology.nouns import Binding, DestinationType, Policy
from proca_topo.topology.policy_patterns import compiled

_WAYS_ON: Final = (ALTERNATE, "dead-letter-exchange")


def scope_of(orgs: Iterable[Org], expander: Expander, others: Iterable[Mapping[str, str]]) -> Scope:
    """All that these orgs could have, whatever they have switched on, and what their objects lean on.

    What is declared for all is not theirs, nor what one of the other orgs may have as well, unless they declare
    it: `{org}-*` of acme matches what acme-uk has. `others` are the values of their placeholders.
    """
    names: set[str] = set()
    old_queues: set[str] = set()
    patterns: list[str] = []
    all_orgs: list[str] = []
    everything = Section()
    for org in orgs:
        all_orgs.append(org.name)
        filled = expander.filled(org)
        for section in (filled, expander.extras(org, filled)):
            everything.exchanges.update(section.exchanges)
            everything.queues.update(section.queues)
            everything.bindings.update(section.bindings)
            everything.policies.update(section.policies)
            old_queues.update(one.old for one in section.renames.values())
            everything.circuits.update({f"{org.name} {name}": one for name, one in section.circuits.items()})
        owned_names, owned_patterns = expander.owned.part_of(org.values)
        names |= owned_names
        patterns += owned_patterns
    # What they declare is theirs; what they could have had may be another one's by now.
    left = names - {*everything.exchanges, *everything.queues, *everything.policies, *old_queues}
    theirs = _names_of(others, expander.owned) if patterns or left else {}
    names -= {name for name in left if is_others(name, theirs)}
    policies = frozenset(_policies_for(everything, expander.shared))
    exchanges, queues, bindings = _references(everything, expander.shared, policies)
    return Scope(
        orgs=frozenset(all_orgs),
        exchanges=frozenset(everything.exchanges) | names,
        queues=frozenset(everything.queues) | names | old_queues,
        bindings=frozenset(everything.bindings),
        policies=frozenset(everything.policies) | names,
        name_patterns=tuple(patterns),
        shared=_shared_names(expander.shared),
        others=theirs,
        reference_exchanges=frozenset(exchanges - everything.exchanges.keys()),
        reference_queues=frozenset(queues - everything.queues.keys()),
        reference_bindings=frozenset(bindings - everything.bindings.keys()),
        reference_policies=policies,
    )


def _shared_names(shared: Section) -> frozenset[str]:
    """The names of what is declared for all orgs, and those that queues of it have until they are renamed."""
    old = (one.old for one in shared.renames.values())
    return frozenset((*shared.exchanges, *shared.queues, *shared.policies, *old))


def _names_of(others: Iterable[Mapping[str, str]], owned: Owned) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = defaultdict(list)
    for text, regex in owned.of_others(others):
        found[text].append(regex)
    return {text: tuple(regexes) for text, regexes in found.items()}


def _references(
    section: Section, shared: Section, policies_of_all: Iterable[Policy]
) -> tuple[set[str], set[str], set[Binding]]:
    """The exchanges, the queues and the bindings that the objects of a section lean on, its own among them."""
    exchanges: set[str] = set()
    queues: set[str] = set()
    bindings: set[Binding] = set()
    for binding in section.bindings:
        exchanges.add(binding.source)
        _destination(binding, exchanges, queues)
    policies = (*(one.noun for one in section.policies.values()), *policies_of_all)
    ways_on = {
        *(name for one in section.exchanges.values() if (name := one.noun.alternate_exchange)),
        *(name for one in section.queues.values() if (name := one.noun.dead_letter_exchange)),
        *(name for one in policies for key in _WAYS_ON if isinstance(name := one.definition.get(key), str)),
    }
    for binding in _behind(ways_on, shared):
        bindings.add(binding)
        exchanges.add(binding.source)
    exchanges |= ways_on
    # Whoever dead-letters into a circuit's fail exchange leans on the whole circuit.
    for circuit in (*section.circuits.values(), *shared.circuits.values()):
        if circuit.fail in exchanges:
            exchanges.add(circuit.return_)
            queues.add(circuit.wait)
            ends = circuit.fail, circuit.wait
            bindings |= {b for b in (*section.bindings, *shared.bindings) if (b.source, b.destination) == ends}
    return exchanges - {""}, queues, bindings


def _behind(exchanges: Iterable[str], shared: Section) -> Iterator[Binding]:
    """The bindings for all orgs by which messages go on from these exchanges, at any distance."""
    by_source: dict[str, list[Binding]] = defaultdict(list)
    for binding in shared.bindings:
        by_source[binding.source].append(binding)
    todo = [*exchanges]
    while todo:
        # Taken out, so that a circle is gone round once.
        for binding in by_source.pop(todo.pop(), ()):
            yield binding
            if binding.destination_type is DestinationType.EXCHANGE:
                todo.append(binding.destination)


def _policies_for(section: Section, shared: Section) -> Iterator[Policy]:
    """The policies for all orgs that may be in force for one of a section's queues, or give an alternate to one of
    its exchanges, or to one that its bindings come from.
    """
    exchanges = {*section.exchanges, *(binding.source for binding in section.bindings)}
    for declared in shared.policies.values():
        policy = declared.noun
        pattern = compiled(policy.pattern)
        names = {*section.queues, *exchanges} if ALTERNATE in policy.definition else section.queues
        if any(map(pattern.may_match, names)):
            yield policy


def _destination(binding: Binding, exchanges: set[str], queues: set[str]) -> None:
    match binding.destination_type:
        case DestinationType.QUEUE:
            queues.add(binding.destination)
        case DestinationType.EXCHANGE:
            exchanges.add(binding.destination)
