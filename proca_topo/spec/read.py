"""The way in: from a directory with topology.yaml and orgs/ to what is desired."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from proca_topo.errors import SpecError, UsageError
from proca_topo.spec.allowed import check_allowed
from proca_topo.spec.documents import SPEC_VERSION, OrgDoc, OrgTemplateDoc, TopologyDoc
from proca_topo.spec.expansion import Expander, Nouns
from proca_topo.spec.files import TOPOLOGY, is_there, read_text, text_again
from proca_topo.spec.orgs import Org, file_of, org_files, org_name_problem, parse_org, read_org, read_org_doc
from proca_topo.spec.owned import Owned
from proca_topo.spec.placeholders import ORG, names_in
from proca_topo.spec.problems import Problem, Where, in_words
from proca_topo.spec.protected import ProtectedEntry, protection
from proca_topo.spec.routes import contracts
from proca_topo.spec.scope import scope_of
from proca_topo.spec.sections import Section
from proca_topo.spec.template import Parts, parts_of
from proca_topo.spec.wording import document
from proca_topo.spec.yaml_text import load_yaml
from proca_topo.topology.desired import Desired
from proca_topo.topology.existing import Scope
from proca_topo.topology.names import shown


@dataclass(frozen=True, kw_only=True)
class TopologyFile:
    """A valid topology.yaml. `shared` and `template` are its two parts as nouns."""

    directory: Path
    document: TopologyDoc
    owned: Owned
    protected: tuple[ProtectedEntry, ...]
    shared: Section
    template: Section

    @property
    def vhost(self) -> str | None:
        """The vhost that the spec names, if it does."""
        return self.document.vhost

    @property
    def routing_keys(self) -> Mapping[str, tuple[str, ...]]:
        """The shape of the routing keys of shared exchanges that say it: a word, or alternatives like `a|b`."""
        return {name: tuple(doc.keys) for name, doc in self.document.exchanges.items() if doc.keys}

    @property
    def variables_in_use(self) -> tuple[str, ...]:
        """The variables without which an org's objects cannot be told: an org with a file sets them, one that has
        gone does not.
        """
        used = {name for pattern in self.owned.names.patterns for name in names_in(pattern.text)}
        for declared in self.template.everything():
            used.update(name for name in self.owned.patterns if f"{{{name}}}" in str(declared.noun))
        return tuple(sorted(used - {ORG}))

    def has_org_file(self, org: str) -> bool:
        """Whether there is an org of this name."""
        return "/" not in org and is_there(self.directory / file_of(org))

    def org_names(self) -> tuple[str, ...]:
        """All orgs that have a file, sorted."""
        return tuple(org_files(self.directory, []))


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgSettings:
    """What an org's file sets, with the defaults filled in. `path` is relative to the directory."""

    name: str
    options: Mapping[str, bool]
    variables: Mapping[str, str]
    path: str


def read_topology(directory: Path) -> TopologyFile:
    """Read and check topology.yaml. Org files are looked at only if it is invalid, to tell everything at once.

    Raises UsageError if there is no such file, SpecError with every problem if it is invalid.
    """
    path = directory / TOPOLOGY
    if not is_there(path):
        raise UsageError(
            f"there is no {TOPOLOGY} in {shown(str(directory))}; name its directory with -C DIRECTORY"
        )
    problems: list[Problem] = []
    text = read_text(path, TOPOLOGY, problems)
    data, wrong = load_yaml(text, TOPOLOGY) if text is not None else (None, [])
    problems += wrong
    doc: TopologyDoc | None = None
    # Text that is no YAML at all has no shape to complain about; an empty file has.
    if text is not None and (data is not None or not wrong):
        version = data.get("topology") if isinstance(data, dict) else None
        if isinstance(version, int) and not isinstance(version, bool) and version != SPEC_VERSION:
            raise _spec_error([_unknown_version(version)], directory)
        doc, misshapen = document(TopologyDoc, data, TOPOLOGY)
        problems += misshapen
    parts: Parts | None = None
    if doc is not None:
        parts = parts_of(doc, TOPOLOGY, problems)
        check_allowed(doc, Where(file=TOPOLOGY), problems)
    if problems or doc is None or parts is None:
        for name in org_files(directory, problems):
            if doc is None:
                read_org_doc(directory, name, problems)
            else:
                read_org(directory, name, doc.org, problems)
        raise _spec_error(problems, directory)
    return TopologyFile(
        directory=directory,
        document=doc,
        owned=parts.owned,
        protected=parts.protected,
        shared=parts.shared,
        template=parts.template,
    )


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
    present = [
        org for name in names if (org := read_org(topology.directory, name, template, problems)) is not None
    ]
    expander = _expander(topology, problems)
    nouns = Nouns()
    if orgs is None:
        expander.add_shared(nouns)
    for org in present:
        expander.add(nouns, org)
    expander.check_renames(nouns)
    scope: Scope | None = None
    if orgs is not None and not problems:
        scope = scope_of([*present, *gone], expander)
    scope_of_gone = scope_of(gone, expander) if gone and not problems else None
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
        raise _spec_error(problems, topology.directory)
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
        key_shapes=topology.routing_keys,
        orgs=nouns.orgs,
        routes=routes,
        scope=scope,
        gone=scope_of_gone,
    )


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
        raise _spec_error(problems, topology.directory)
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


def _unknown_version(version: int) -> Problem:
    return Problem(
        where=Where(file=TOPOLOGY, path=("topology",)),
        text=f"version {version} of the language is not known here; write `topology: {SPEC_VERSION}`, "
        "or use a proca-topo that knows it",
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


def _spec_error(problems: list[Problem], directory: Path) -> SpecError:
    return SpecError(in_words(problems, partial(text_again, directory)))
