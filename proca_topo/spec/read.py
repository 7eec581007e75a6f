"""The way in: from a directory with topology.yaml and orgs/ to what is desired."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from proca_topo.errors import UsageError
from proca_topo.spec.documents import OrgDoc, OrgTemplateDoc
from proca_topo.spec.expansion import Expander, Nouns
from proca_topo.spec.files import text_again
from proca_topo.spec.mending import Damages, surviving
from proca_topo.spec.orgs import Org, file_of, org_files, org_name_problem, parse_org, read_org
from proca_topo.spec.placeholders import ORG
from proca_topo.spec.problems import Problem, in_words
from proca_topo.spec.protected import protection
from proca_topo.spec.routes import contracts
from proca_topo.spec.scope import scope_of
from proca_topo.spec.topology_file import TopologyFile, spec_error
from proca_topo.topology.desired import Desired
from proca_topo.topology.names import shown


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgSettings:
    """What an org's file sets, with the defaults filled in. `path` is relative to the directory."""

    name: str
    options: Mapping[str, bool]
    variables: Mapping[str, str]
    path: str


def load_desired(
    topology: TopologyFile, *, orgs: Collection[str] | None = None, with_routes: bool = False
) -> Desired:
    """Everything that the spec wants, or (`orgs`) what it wants for these orgs only, with the scope they live in.

    Its route contracts are expanded for each org only `with_routes`: thousands of orgs have many.
    An org in `orgs` that has no file is one that has gone: nothing is wanted for it.
    Raises SpecError with every problem of all files read; UsageError for a name that no org can have, and for an
    org that has gone whose objects' names cannot be told because they depend on variables.
    """
    problems: list[Problem] = []
    template = topology.document.org
    gone = (
        []
        if orgs is None
        else [_gone(topology, org) for org in sorted(set(orgs)) if not topology.has_org_file(org)]
    )
    names = (
        org_files(topology.directory, problems)
        if orgs is None
        else sorted(filter(topology.has_org_file, set(orgs)))
    )
    damages: Damages = {}
    found = (read_org(topology.directory, name, template, problems, damages) for name in names)
    present = [org for org in found if org is not None]
    suspected: list[Problem] = []
    expander = _expander(topology, suspected)
    nouns = Nouns()
    if orgs is None:
        expander.add_shared(nouns)
    for org in present:
        expander.add(nouns, org)
    expander.check_renames(nouns)
    problems += surviving(suspected, damages)
    scope = scope_of_gone = None
    if orgs is not None and not problems:
        scope = scope_of([*present, *gone], expander, _others(orgs, topology, problems))
        if gone:
            others = chain((org.values for org in present), _others(orgs, topology, problems))
            scope_of_gone = scope_of(gone, expander, others)
    routes = (
        contracts(
            topology.shared.routes if orgs is None else (),
            expander.routes(nouns, present),
            partial(text_again, topology.directory),
            problems,
        )
        if with_routes and not problems
        else ()
    )
    if problems:
        raise spec_error(problems, topology.directory)
    return Desired(
        ownership=replace(topology.owned.names, orgs_by_value=_orgs_by_value(present)),
        protected=protection(topology.protected, partial(text_again, topology.directory)),
        vhost=topology.vhost,
        cluster=topology.document.cluster,
        exchanges=nouns.exchanges,
        queues=nouns.queues,
        bindings=nouns.bindings,
        policies=nouns.policies,
        renames={rename.new: rename.old for rename in nouns.renames.values()},
        waiting=frozenset(nouns.waiting).union(one.wait for one in topology.shared.circuits.values()),
        returning=frozenset(nouns.returning).union(topology.shared.returning()),
        key_shapes=topology.routing_keys,
        orgs=nouns.orgs,
        routes=routes,
        scope=scope,
        gone=scope_of_gone,
    )


def _others(orgs: Collection[str], topology: TopologyFile, problems: list[Problem]) -> Iterator[Mapping[str, str]]:
    """The values of the other orgs' placeholders, for whoever needs them: thousands of files are not looked at for
    nothing. Their own text is read only where names depend on it.
    """
    for name in org_files(topology.directory, []):
        if name in orgs:
            continue
        if not topology.owned.variables:
            yield {ORG: name}
        elif (org := read_org(topology.directory, name, topology.document.org, problems)) is not None:
            yield org.values


def problems_of_new_org(topology: TopologyFile, org: str, text: str) -> tuple[str, ...]:
    """What would be wrong if `org` had a file with this text: names that others have, or that cannot be.

    Looks at the other orgs only where variables could make two orgs alike.
    """
    problems: list[Problem] = []
    new = parse_org(org, text, topology.document.org, problems)
    expander, nouns = _expander(topology, problems), Nouns()
    if topology.variables_in_use:
        for name in org_files(topology.directory, []):
            # Problems of other orgs' files are not this org's.
            if (other := read_org(topology.directory, name, topology.document.org, [])) is not None:
                expander.add(nouns, other)
        problems.clear()
    if new is not None:
        expander.add(nouns, new)
        expander.check_renames(nouns)
    return in_words(problems, partial(text_again, topology.directory))


def org_settings(topology: TopologyFile) -> tuple[OrgSettings, ...]:
    """What every org has switched on and set, sorted by name. Raises SpecError as `load_desired` does."""
    problems: list[Problem] = []
    read = partial(read_org, topology.directory, template=topology.document.org, problems=problems)
    found = [read(name) for name in org_files(topology.directory, problems)]
    if problems:
        raise spec_error(problems, topology.directory)
    return tuple(
        OrgSettings(
            name=org.name,
            options=org.options,
            variables={name: value for name, value in org.values.items() if name != ORG},
            path=org.file,
        )
        for org in found
        if org is not None
    )


def _gone(topology: TopologyFile, name: str) -> Org:
    template: OrgTemplateDoc = topology.document.org
    if (wrong := org_name_problem(name, template)) is not None:
        raise UsageError(wrong)
    if topology.variables_in_use:
        known = ", ".join(f"{{{variable}}}" for variable in topology.variables_in_use)
        raise UsageError(
            f"org {shown(name)} has no file, so its {known} is not known and its objects cannot be told; "
            "plan without --org to find what belongs to no org any more"
        )
    return Org(name=name, file=file_of(name), doc=OrgDoc.model_validate({}), options={}, values={ORG: name})


def _orgs_by_value(orgs: Collection[Org]) -> dict[tuple[str, str], str]:
    """Which org has a variable's value, for values that only one org has."""
    found: dict[tuple[str, str], str | None] = {}
    for org in orgs:
        for variable, value in org.values.items():
            if variable != ORG:
                found[variable, value] = None if (variable, value) in found else org.name
    return {key: org for key, org in found.items() if org is not None}


def _expander(topology: TopologyFile, problems: list[Problem]) -> Expander:
    return Expander(
        shared=topology.shared,
        template=topology.template,
        owned=topology.owned,
        options=topology.document.org.options,
        problems=problems,
    )
