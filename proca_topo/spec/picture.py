"""The spec as a page shows it that fills in the template itself: shared part, template, and what each org sets.

So ten thousand orgs are ten thousand short lines, not ten thousand copies of the template.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from proca_topo.errors import SpecError
from proca_topo.spec.expansion import Expander
from proca_topo.spec.orgs import Org, org_files, read_org
from proca_topo.spec.problems import Problem, in_words
from proca_topo.spec.sections import Declared, Needs, Section
from proca_topo.spec.topology_file import TopologyFile
from proca_topo.topology.nouns import Binding, Exchange, Policy, Queue
from proca_topo.topology.policies_in_force import PoliciesInForce, dead_letters, time_to_live


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedExchange:
    """An exchange. In the template its texts hold placeholders."""

    name: str
    type: str
    alternate: str | None
    needs: Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedQueue:
    """A queue, with what its policy makes of it. `delay` is its time to live in milliseconds."""

    name: str
    type: str | None
    delay: int | None
    dead_letter_exchange: str | None
    dead_letter_key: str | None
    needs: Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedBinding:
    """A binding. `headers` says that it has arguments, which the page does not follow."""

    source: str
    destination: str
    to_queue: bool
    key: str
    headers: bool
    needs: Needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The shared part, the template, or what an org's own file adds."""

    exchanges: tuple[PicturedExchange, ...] = ()
    queues: tuple[PicturedQueue, ...] = ()
    bindings: tuple[PicturedBinding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedOrg:
    """What an org sets. `extras` is None for almost all."""

    name: str
    values: Mapping[str, str]
    options: frozenset[str]
    extras: Part | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Everything that the page needs."""

    shared: Part
    template: Part
    orgs: tuple[PicturedOrg, ...]
    vhost: str | None


def picture(topology: TopologyFile) -> Picture:
    """The picture of a valid spec. Raises SpecError with every problem of the orgs' files."""
    problems: list[Problem] = []
    template = topology.document.org
    names = org_files(topology.directory, problems)
    read = (read_org(topology.directory, name, template, problems) for name in names)
    orgs = [org for org in read if org is not None]
    expander = Expander(
        shared=topology.shared,
        template=topology.template,
        owned=topology.owned,
        options=template.options,
        problems=problems,
    )
    policies = [declared.noun for declared in topology.shared.policies.values()]
    pictured = tuple(_org(org, expander, policies) for org in orgs)
    if problems:
        raise SpecError(in_words(problems, lambda _: None))
    sample = orgs[0].values if orgs else None
    return Picture(
        shared=_part(topology.shared, policies),
        template=_part(topology.template, policies, sample),
        orgs=pictured,
        vhost=topology.vhost,
    )


def _org(org: Org, expander: Expander, policies: Iterable[Policy]) -> PicturedOrg:
    extras = None
    if org.doc.queues or org.doc.bindings:
        extras = _part(expander.extras(org, expander.filled(org)), policies)
    return PicturedOrg(name=org.name, values=org.values, options=org.switched_on, extras=extras)


def _part(section: Section, policies: Iterable[Policy], sample: Mapping[str, str] | None = None) -> Part:
    in_force = PoliciesInForce(policies)
    return Part(
        exchanges=tuple(_exchange(declared, in_force) for declared in section.exchanges.values()),
        queues=tuple(_queue(declared, in_force, sample) for declared in section.queues.values()),
        bindings=tuple(_binding(declared) for declared in section.bindings.values()),
    )


def _exchange(declared: Declared[Exchange], in_force: PoliciesInForce) -> PicturedExchange:
    exchange = declared.noun
    alternates = sorted(in_force.alternates(exchange))
    return PicturedExchange(
        name=exchange.name,
        type=exchange.type,
        alternate=alternates[0] if alternates else None,
        needs=declared.needs,
    )


def _queue(
    declared: Declared[Queue], in_force: PoliciesInForce, sample: Mapping[str, str] | None
) -> PicturedQueue:
    """A queue. Which policy is in force on a template's is seen by that of an org: patterns match whole names."""
    queue = declared.noun
    name = queue.name if sample is None else queue.name.format_map(sample)
    policies = in_force.candidates(replace(queue, name=name).with_type_from("classic"))
    policy = policies[0] if policies else None
    letters = dead_letters(queue, policy)
    return PicturedQueue(
        name=queue.name,
        type=queue.type,
        delay=time_to_live(queue, policy),
        dead_letter_exchange=None if letters is None else letters.exchange,
        dead_letter_key=None if letters is None else letters.routing_key,
        needs=declared.needs,
    )


def _binding(declared: Declared[Binding]) -> PicturedBinding:
    binding = declared.noun
    return PicturedBinding(
        source=binding.source,
        destination=binding.destination,
        to_queue=binding.destination_type == "queue",
        key=binding.routing_key,
        headers=bool(binding.arguments),
        needs=declared.needs,
    )
